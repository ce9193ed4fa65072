"""mutmut without its changes to strings: words that the contract leaves free are not
tested. Arguments are mutmut's; CONTRIBUTING has the usual ones.
"""

from mutmut.__main__ import cli
from mutmut.mutation import mutators

mutators.mutation_operators[:] = [
    (node, operator)
    for node, operator in mutators.mutation_operators
    if operator is not mutators.operator_string
]

if __name__ == "__main__":
    cli()
