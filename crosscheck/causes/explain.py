def explain_all(twins, scene, culprit):
    pass
