"""The sizes of pieces and blocks made so small that the matrices of tests are cut."""

from reference.kernels import pieces, products, sums_of_products
from reference.kernels import threads as worker_threads


def in_pieces(monkeypatch, largest, longest=pieces.LONGEST):
    """Matrix products in pieces of at most so many multiplications and sums of so many terms, as where that pays."""
    monkeypatch.setattr(worker_threads, "blas_has_one", lambda: True)
    monkeypatch.setattr(pieces, "small_products_are_quick", lambda: True)
    monkeypatch.setattr(pieces, "LARGEST", largest)
    monkeypatch.setattr(pieces, "LONGEST", longest)
    monkeypatch.setattr(sums_of_products, "WORTH_A_SUM", 2)


def in_blocks(monkeypatch, widths, rows, multiplications):
    """The second factor of such products in blocks of one of the widths."""
    monkeypatch.setattr(pieces, "WIDTHS", {4: widths, 8: widths})
    monkeypatch.setattr(products, "WORTH_BLOCKS", dict.fromkeys((4, 8), (rows, multiplications)))
    monkeypatch.setattr(pieces, "L1_BYTES", 0)
