"""Reports of a run: lines for a terminal, JSON for programs, JUnit XML for a build server, one HTML page for people.

All but the terminal's are made from one document, which docs/report-schema.md describes.
"""
