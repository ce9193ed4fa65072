"""The REST API: five endpoints over the same service as the command line, and
`todo serve`.
"""
