"""The program on Neon: through a stand-in for its proxy, a real pooler, bad networks
and lost answers.
"""
