# Completion of todo for fish; in ~/.config/fish/config.fish: todo completion fish | source

function __todo_complete
    set -l before
    # Version 4 expands variables in these words; no command is run.
    if commandline -x >/dev/null 2>&1
        set before (commandline -xpc)
    else
        set before (commandline -opc)
    end
    set -l todo $before[1]
    set -e before[1]
    command -q -- $todo
    or set todo todo
    set -l typed (commandline -ct)
    set -l lines (command $todo completion fish --answer -- $before "$typed" </dev/null 2>/dev/null)
    set -l kind $lines[1]
    set -e lines[1]
    if test "$kind" = files
        set -l option (string match -r -- '^--[a-z-]+=' "$typed")
        set -l path (string replace -r -- '^--[a-z-]+=' '' "$typed")
        # As after a command that fish does not know.
        for each in (complete -C "'' $path")
            printf '%s\n' "$option$each"
        end
    else if set -q lines[1]
        printf '%s\n' $lines
    end
end

complete -c todo -k -f -a '(__todo_complete)'
