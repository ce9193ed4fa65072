"""Ten everyday jobs: their command lines do them, and need few keys."""

import shlex
from datetime import timedelta

import pytest

from tests.cli.expect import tasks_of, titles_of
from tests.support.program import Todo
from tests.support.stores import Clock

JOBS = """\
add with date and tag    | task add Renew pasport due:tomorrow +home  | todo add Renew pasport --due tomorrow -t home
see what is due          | task due:tomorrow                          | todo ls --due tomorrow
find by a word           | task plumber                               | todo ls plumber
fix a typo               | task 21 mod /pasport/passport/             | todo mod 21 -r pasport=passport
mark two done            | task 1 2 done                              | todo done 1 2
undo that                | task undo >y                               | todo undo
delete                   | task 5 del >y                              | todo rm 5
finished yesterday       | task end:yesterday completed               | todo ls --status done --on yesterday
move to tomorrow         | task 18 mod due:tomorrow                   | todo mod 18 --due tomorrow
add a note               | task 18 annotate called, ring back Monday  | todo note 18 called, ring back Monday
"""
"""What is done, in Taskwarrior and here; after `>` the answer to a question."""


def keys(line: str) -> int:
    """How many keys a command line needs, with Enter, and the answer with its own."""
    command, _, answer = line.strip().partition(" >")
    return len(command) + 1 + (len(answer) + 1 if answer else 0)


def jobs() -> list[tuple[str, str, str]]:
    """The name of each job, and both command lines."""
    found = []
    for line in JOBS.splitlines():
        name, theirs, ours = (part.strip() for part in line.split("|"))
        found.append((name, theirs, ours))
    return found


def test_everyday_jobs_need_few_keys() -> None:
    theirs = [keys(line) for _, line, _ in jobs()]
    ours = [keys(line) for _, _, line in jobs()]

    assert theirs == [42, 18, 13, 31, 14, 12, 13, 29, 25, 42]
    assert sum(ours) <= 1.1 * sum(theirs)
    assert max(b / a for a, b in zip(theirs, ours, strict=True)) <= 1.6


@pytest.mark.spec("002/FR-190", "002/FR-202", "002/FR-195")
def test_the_command_lines_do_their_jobs(todo: Todo, clock: Clock) -> None:
    lines = {name: shlex.split(line)[1:] for name, _, line in jobs()}
    titles = [f"Task {number}" for number in range(1, 21)]
    titles[11] = "Call the Plumber about the leak"
    todo("add", "-", stdin="\n".join(titles).encode())
    todo("done", "3")
    clock.now += timedelta(days=1)

    def run(name: str) -> str:
        """Do a job; return what is printed."""
        ran = todo(*lines[name])
        assert (ran.status, ran.err) == (0, ""), name
        return ran.out

    day = (clock.now + timedelta(days=1)).date()
    run("add with date and tag")
    added = tasks_of(todo)[0]
    assert (added["number"], added["title"]) == (21, "Renew pasport")
    assert (added["due_on"], added["tags"]) == (day.isoformat(), ["home"])
    assert run("see what is due").startswith("21\t")
    assert run("find by a word").startswith("12\t")
    run("fix a typo")
    assert titles_of(todo)[20] == "Renew passport"
    run("mark two done")
    done = {task["number"] for task in tasks_of(todo) if task["completed"]}
    assert done == {1, 2, 3}
    run("undo that")
    assert run("finished yesterday").split("\t")[0] == "3"
    done = {task["number"] for task in tasks_of(todo) if task["completed"]}
    assert done == {3}
    run("delete")
    assert 5 not in {task["number"] for task in tasks_of(todo)}
    run("move to tomorrow")
    run("add a note")
    data = todo("show", "18", "--json").data
    assert data["due_on"] == day.isoformat()
    assert data["description"] == "called, ring back Monday"
