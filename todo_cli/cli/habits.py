"""What people type by habit that is not ours, and what they mean.

The tables of `hints.py`: words, options and values of Taskwarrior, todo.txt,
gh, git and others. Each line is what we have for it, `<`, and what others
have. A line may be repeated; of several lines for one word the first that
makes a command of ours is taken.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Final

_COMMANDS: Final = """\
done REF < archive check closed completed finished
add ... < a capture create insert make new issue-create issue-new
list ... < anytime filter find grep issue-list issues l ls-files next pending query ready search
list ... < tasks term
list * < board count dashboard inbox issue-status long minimal short
stats * < burndown burndown.daily burndown.monthly burndown.weekly chart counts
stats * < ghistory ghistory.daily graph metrics overview progress report reports
stats * < statistics summary velocity
list --tag WORD < context contexts label-list lsc tag-list tagged
list --tag NAME < label labels tag tags
list < context context-none contexts label labels listcon lsc tag tags
list --group project < area areas lsprj listproj proj project projects
list --project WORD < proj project
list --status all ... < all everything la listall lsa
list --status done < archive
list --status done ... < closed completed finished logbook
list --status trash < bin deleted trash
list --status waiting ... < deferred hidden someday snoozed waiting
list --due overdue ... < late overdue
list --due today ... < today
list --due tomorrow ... < tomorrow
list --due ..eow < agenda upcoming week
list --due WORD < due
list --due any < due scheduled
list --group due * < cal calendar timeline
list --sort newest ... < last latest newest recent
list --sort WORD < order sort
list --sort oldest ... < oldest
list --priority WORD < listpri lsp
list --sort priority ... < important listpri lsp urgent
list --status done --on yesterday < yesterday
list --json < ids json uuids
list --user WORD < switch user
show ... < cat details display get info information issue-view print see view
edit REF * < denotate prep prepend
edit ... < e editor emacs issue-edit nano open vi vim
edit REF < amend
list < open
update ... < alter amend change issue-edit modify set
update REF --title TEXT < rename replace retitle title
update REF --priority WORD < p pri prio priority
update REF --priority none < depri dp unprioritize
update REF --add-tag WORD < label tag
update REF --remove-tag WORD < unlabel untag
update REF --project WORD < move mv proj project refile
update REF --due WORD < deadline due plan reschedule schedule
update REF --wait WORD < defer hide postpone sleep snooze wait
update REF --wait tomorrow < defer hide postpone sleep snooze wait
note ... < annotate app append comment issue-comment memo notes
done ... < close complete do finish issue-close mark resolve tick x
done ... --undo < incomplete issue-reopen notdone reopen uncheck uncomplete
done ... --undo < undone unfinish untick
delete ... < del erase issue-delete remove
delete REF < bin trash
restore ... < recover undelete unremove unrm untrash
purge ... < destroy wipe
purge --trash < clean clear empty empty-trash gc purge-trash trash-empty prune vacuum
history --limit WORD < log
history ... < activity changes issue-history journal log operations reflog
history REF < blame diff
history * < blame diff
undo ... < reset revert rollback
redo < reapply
import ... < load
export ... < dump save
connect * < attach auth cloud clone config-set fetch link login neon
connect * < postgres postgresql pull push remote sync
connect --off < detach disconnect logout unlink
doctor * < account auth-status check config debug diagnose diagnostics env
doctor * < health ping
doctor * < settings status user users verify who whoami
serve ... < api rest server ui web
warm on < daemon daemon-start prewarm warm-up warmup
warm off < daemon-stop
warm status < daemon-status
completion ... < autocomplete autocompletion completions
token create ... < token-add token-create token-new
token list * < api-key api-keys apikey apikeys pat tokens
db backup ... < backup
db policy ... < grant policy role share
db upgrade < init migrate setup upgrade
help ... < ? /? /h commands h man manual shorthelp usage
help * < exit quit repo
--version < about ver version
"""
"""Commands: `...` is all that follows, REF the tasks, WORD one word, NAME one
that is no task, TEXT all words as one, and `*` leaves out what follows. The
table joins two words that belong together by `-`.
"""
_DB_COMMANDS: Final = """\
db backup ... < copy dump export save snapshot
db import ... < load restore
db upgrade < create init migrate setup update
doctor < check health info stats status verify
connect * < connect login set url use
db --help < destroy drop reset wipe
"""
"""The same after `todo db`."""
_WARM_COMMANDS: Final = """\
warm on < --on add enable go restart run start up yes
warm off < --off disable down end kill no of quit remove stop
warm status < check health info list ls ps show stats
"""
"""The same after `todo warm`."""
_OF_TOKENS: Final = """\
token create ... < add generate issue make mint new
token list * < all info ls ps show status view
token revoke ... < delete del destroy disable drop end expire invalidate kill remove rm
"""
"""The same after `todo token`."""
GROUPS: Final[Mapping[str, str]] = {
    "db": _DB_COMMANDS,
    "warm": _WARM_COMMANDS,
    "token": _OF_TOKENS,
}
"""The table of each group of commands, by its name."""
PROGRAMS: Final = (
    "gh",
    "git",
    "issue",
    "issues",
    "t",
    "task",
    "todo",
    "todo.sh",
    "tw",
)
"""Words that come before a command, and mean nothing here."""
_FIRST_OPTIONS: Final = """\
--version < -V -v --ver -version
list --status all < -a --all
list --limit VALUE < -n -L --limit
list < -l -ls --list
add VALUE < --add
help < -? --usage -help
connect < --database-url --dsn --password --token --url
NO_COLOR=1 ... < --color=never --no-color --no-colors --nocolor
TODO_CONFIG=VALUE ... < -c --config --config-file
TODO_DATABASE_URL=VALUE ... < -f --database --db --file --store
... < -q --quiet --silent -v --verbose --no-pager --no-input
"""
"""Options before a command: VALUE is the option's value, `...` what follows."""
_OPTIONS: Final = """\
: =--version < --version -V
: =connect < --database-url --db-url --dsn --password --token --url
: --help < -? --usage
: --user VALUE < -U --account --as --login --owner --username
: TODO_CONFIG=VALUE < --config --config-file
: TODO_DATABASE_URL=VALUE < --database --db --store
: NO_COLOR=1 < --color=never --no-color --no-colors --nocolor
: < --color --colour --interactive --no-input --no-pager --silent
: < --verbose -i -v --color=always --color=auto
list: --status all < -a --all -A --any -la
list: --status open < --incomplete --open --pending --todo --undone
list: --status done < --closed --complete --completed --done --finished
list: --status trash < --deleted --trash
list: --status waiting < --hidden --wait --waiting
list: --status VALUE < --filter --state -s
list: --due today < --today
list: --due tomorrow < --tomorrow
list: --due overdue < --late --overdue
list: --due ..eow < --week --this-week
list: --due VALUE < --date --deadline --due-date --due-on
list: --since VALUE < --after --created-after --from
list: --until VALUE < --before --created-before --to
list: --limit VALUE < -n --count --first --head --max --number --top
list: --tag LIST < -T -c -l --context --label --labels --tags --with-tag
list: --no-tag LIST < --exclude-tag --without-tag --no-label
list: --project VALUE < --list --milestone --proj
list: --sort VALUE < --order --order-by --orderby --sort-by --sortby
list: --sort newest < --newest --recent
list: --sort oldest < --oldest
list: --sort VALUE --reverse < --sort-desc
list: --reverse < -r --asc --ascending --desc --descending --rev
list: --reverse < --reverse-order --reversed
list: --group VALUE < -g --by --group-by --groupby
list: --json < -j --format=json --output=json -o=json --raw
list: VALUE < -S --contains --find --grep --match --query --search --text
list: VALUE < --title -e
list: =export - --format VALUE < --format --output -o
list: =export - --format csv < --csv
list: < -l --full --long --table
export: --status all < -a --all -A
export: --status done < --closed --completed --done --finished
export: --status open < --open --pending
export: --status VALUE < --state -s
export: VALUE < -o --file --out --output --to
export: --format VALUE < -F --as --type
export: --format csv < --csv
export: --format json < -j
export: --format ndjson < --jsonl --ndjson
export: --format markdown < --markdown --md
export: --format ics < --ical --ics
export: --format todotxt < --todotxt --todo-txt
export: --force < -f --overwrite -y --yes
add: --tag LIST < -T --add-label --add-tag --context --label --labels --tags
add: --tag LIST < -l
add: VALUE < -m --message --name --subject --summary --task --title
add: --id VALUE < --uuid
add: < --open
add: --description VALUE < -b -D --annotation --body --comment --desc
add: --description VALUE < --details --note --notes
update: --add-tag LIST < -T -l -t --add-label --add-tags --label --labels --tag
update: --add-tag LIST < --tags
update: --remove-tag LIST < --del-tag --delete-tag --no-tag --remove-label
update: --remove-tag LIST < --remove-tags --rm-tag --untag
update: --title VALUE < -m --name --rename --subject --summary --text
update: --due none < --clear-due --no-due --remove-due
update: --wait none < --clear-wait --no-wait
update: --priority none < --clear-priority --no-priority --remove-priority
update: --project none < --clear-project --no-project --remove-project
update: --description VALUE < -b -D --body --desc --details --notes
update: --status done < --close --complete --completed --done --finish
update: --status open < --open --reopen --undo --undone
update: --status VALUE < --state -s
update: --replace VALUE < --sed --substitute
update: < -f --force -y --yes
fields: --due VALUE < --by --date --deadline --due-by --due-date --due-on --on
fields: --due VALUE < --until --when
fields: --wait VALUE < --defer --hide --not-before --scheduled --snooze
fields: --wait VALUE < --start --threshold --wait-until
fields: --priority VALUE < --importance --pri --prio --urgency
fields: --project VALUE < --category --list --milestone --proj
edit: =update --title VALUE < --name --title -m
edit: =update --due VALUE < --due
edit: =update --wait VALUE < --wait
edit: =update --priority VALUE < --pri --prio --priority -p
edit: =update --project VALUE < --project -P
edit: =update --add-tag LIST < --add-label --add-tag --label --tag --tags -t
edit: =update --remove-tag LIST < --remove-label --remove-tag
edit: =update --description VALUE < --body --description --notes -d -b
edit: =update --status VALUE < --status
done: * < -a --all
delete: * < -a --all
restore: * < -a --all
done: --undo < --incomplete --not --open --reopen --undone
done: < -f --done --force -y --yes
delete: =purge < --hard --permanent --permanently --purge
delete: =restore < --restore --undelete --undo
delete: < -f -i --force -r -rf -fr --recursive
restore: < -f --force -y --yes
purge: --trash < -a --all
purge: --yes < -f --force
purge: --older-than VALUE < --age --before --older
undo: =history < -l --list
undo: --dry-run < -n
history: --limit VALUE < -n --count --max --number
history: --limit 1000 < -a --all
history: < --graph --oneline -p
import: VALUE < -i --file --input
import: --format VALUE < -F --from --type
import: --map VALUE < --column --columns
import: --dry-run < -n --check
serve: --port VALUE < -p
serve: --host VALUE < -H --address --bind --listen
db backup: VALUE < -o --file --out --output --path --to
db backup: --force < -f --overwrite -y --yes
db import: VALUE < -i --file --from --input --path
db import: --as VALUE < --owner --to
show: < -a --all --full --long -w --web
doctor: < --all --full
"""
"""Options of a command, of all (before the `:` is nothing), or of both `add`
and `update` (`fields`). VALUE is the option's value, LIST an option for each
part of it between commas; `=` begins another command in the place of this one.
What is not an option becomes an argument.
"""
_VALUES: Final = """\
--priority high < 1 a a1 critical highest urgent p1 !!! top important
--priority medium < 2 b normal middle med p2 !! default
--priority low < 3 c d lowest minor p3 p4 4 5 !
--status done < closed complete completed finished resolved x
--status open < active incomplete new pending todo undone unfinished
--status trash < bin deleted removed trashed
--status waiting < deferred hidden wait
--status all < * any both everything
--sort newest < added age created created_at date entry id latest new number
--sort oldest < old
--sort priority < important pri prio urgency
--sort completed < closed completed_at done end finished
--sort updated < changed last modified updated_at
--sort title < alpha alphabetical description name text
--sort due < deadline due_on duedate
--sort project < proj
--group project < projects proj
--group due < day date days
--group priority < pri prio
--format todotxt < todo todo-txt todo.txt txt
--format taskwarrior < task tw
--format markdown < md
--format ics < ical icalendar
--format ndjson < json-lines jsonl
"""
"""Values of our options, and what others have for them."""
FILTERS: Final = """\
--status done < closed completed done finished
--status open < open pending unfinished
--status all < all everything
--status waiting < deferred waiting
--status trash < deleted trash
--due overdue < late overdue
--due today < today
--due tomorrow < tomorrow
--due ..eow < week
--sort newest < newest
--sort oldest < oldest
"""
"""What people type after `list` although it is not a word of a title."""

Templates = Mapping[str, list[list[str]]]


@cache
def commands(group: str = "") -> Templates:
    """Return by word what it means in our commands, or in those of a group."""
    return _read(GROUPS.get(group, _COMMANDS))


@cache
def first_options() -> Templates:
    """Return what an option before the command means."""
    return _read(_FIRST_OPTIONS)


@cache
def filters() -> Templates:
    """Return what a word after `list` means."""
    return _read(FILTERS)


@cache
def options(command: str) -> Templates:
    """Return what the options that a command does not have mean there."""
    names = [command, ""]
    if command in ("add", "update"):
        names.insert(1, "fields")
    found: dict[str, list[list[str]]] = defaultdict(list)
    for name in names:
        lines = []
        for line in _OPTIONS.splitlines():
            of, _, rest = line.partition(":")
            if of == name:
                lines.append(rest)
        for word, templates in _read("\n".join(lines)).items():
            found[word] += templates
    return found


@cache
def values(option: str) -> Mapping[str, str]:
    """Return what values of others mean for one of our options."""
    found: dict[str, str] = {}
    for template, words in _lines(_VALUES):
        if template[0] == option:
            found |= dict.fromkeys(words, template[1])
    return found


def _read(table: str) -> Templates:
    """Read a table, by the words of others."""
    found: dict[str, list[list[str]]] = defaultdict(list)
    for template, words in _lines(table):
        for word in words:
            found[word].append(template)
    return found


def _lines(table: str) -> list[tuple[list[str], list[str]]]:
    """Split the lines of a table."""
    lines = []
    for line in table.splitlines():
        ours, _, others = line.partition("<")
        lines.append((ours.split(), others.split()))
    return lines
