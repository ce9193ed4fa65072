"""Which changes to the program would no test notice?"""
