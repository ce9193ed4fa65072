"""Shell completion: what can follow on a command line, while it is typed.

`todo completion SHELL` prints a script of `scripts/`. When somebody presses
Tab, that script calls `todo completion SHELL --answer ... -- WORDS`, which is in
no help: it is for scripts alone. `__main__` takes this road before anything
else is loaded, so nothing here imports more than what Python has loaded, unless
it has to. Only `build.py` imports the rest of the program.

    __main__ -> answer -> shells          what was typed -> words
                       -> suggest         words -> what can follow
                           -> table       which commands and options there are
                           -> days        days as people type them
                           -> store       REFs, projects and tags
                               -> settings    which store, and whose tasks
                               -> embedded    from a file, opened for reading
                               -> server      from a connection of `todo warm`

Somebody waits for the answer and did not ask for a command to be run. So
whatever is odd means that nothing is suggested, without a word and with the
exit status 0: a store is never made, upgraded, waited for or connected to, and
nothing is written but the answer.

The answer is a line with the kind of what follows, and a line for each
suggestion: what is inserted, and in zsh and fish a TAB and what is shown.
"""
