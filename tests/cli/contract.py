"""Writes the contracts of the command line from `task.py` and the table of errors.

python -m tests.cli.contract            rewrite them, and the tables of README
                                        and of the reference
python -m tests.cli.contract --check    say which are out of date, exit 1 if any is
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from todo_cli.api.shapes import stored
from todo_cli.config import SETTINGS
from todo_cli.errors import Code, Detail
from todo_cli.exchange.formats import FORMATS
from todo_cli.stats import CLASSES, OLDER
from todo_cli.task import Task
from todo_cli.token_text import PATTERN

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "specs" / "002-command-line" / "contracts"
SUCCESS = CONTRACTS / "success.schema.json"
FAILURE = CONTRACTS / "failure.schema.json"
EXIT_CODES = CONTRACTS / "exit-codes.json"
README = ROOT / "README.md"
REFERENCE = ROOT / "specs" / "002-command-line" / "reference.md"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

ANSWERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "version": ("--version", ("Version",)),
    "add": ("add TITLE...", ("Task",)),
    "add-lines": ("add -", ("Tasks",)),
    "list": ("list", ("Tasks",)),
    "show": ("show REF", ("Task",)),
    "update": ("update REF...", ("Task", "Tasks")),
    "note": ("note REF TEXT...", ("Task",)),
    "edit": ("edit REF", ("Task",)),
    "done": ("done REF...", ("Task", "Tasks")),
    "delete": ("delete REF...", ("Task", "Tasks")),
    "restore": ("restore REF...", ("Task", "Tasks")),
    "purge": ("purge REF...", ("Task", "Tasks")),
    "history": ("history", ("History",)),
    "undo": ("undo", ("Undone",)),
    "redo": ("redo", ("Undone",)),
    "stats": ("stats", ("Stats",)),
    "import": ("import FILE", ("Taken",)),
    "export": ("export FILE", ("Exported",)),
    "connect": ("connect", ("Connected", "Disconnected")),
    "doctor": ("doctor", ("Findings",)),
    "completion": ("completion SHELL", ("Completion",)),
    "token-create": ("token create NAME", ("NewToken",)),
    "token-list": ("token list", ("Tokens",)),
    "token-revoke": ("token revoke NAME", ("Token",)),
    "warm-on": ("warm on", ("Warm",)),
    "warm-off": ("warm off", ("Warm",)),
    "warm-status": ("warm status", ("Warm",)),
    "db-upgrade": ("db upgrade", ("Upgraded",)),
    "db-upgrade-sql": ("db upgrade --sql", ("Script",)),
    "db-policy": ("db policy", ("Script",)),
    "db-import": ("db import PATH", ("Imported",)),
    "db-backup": ("db backup PATH", ("BackedUp",)),
}
"""The shape of `data` by command; of two the first is for a single number or UUID, the
second for anything else.
"""

_CHANGED = [
    field.name
    for field in fields(Task)
    if field.name not in {"id", "number", "user_id", "updated_at", "version"}
]
"""The fields that `changes` of an operation can name."""

DONE = "done; also an empty list, and nothing left to do"
SIGNALLED = "ended by signal n; 141 when the reader of the output is gone"


def success() -> Schema:
    """The envelope of every success, and the shape of `data` for each command."""
    shapes = {
        "Task": _task(),
        "Tasks": {"type": "array", "items": _ref("Task")},
        **_others(),
    }
    answers = {
        key: {"description": f"`data` of `todo {words}`"} | _any_of(names)
        for key, (words, names) in ANSWERS.items()
    }
    return {
        "$schema": DRAFT,
        "title": "A success of todo",
        "description": "Exactly one such document on stdout, exit status 0. "
        "Within a major version keys may be "
        "added to every object, never removed or retyped; `message` may change.",
        **_object(
            {
                "success": {**_known(True), "description": "true: it is done"},
                "data": _any_of(list(shapes)),
                "message": {"type": "string"},
                "dry_run": {
                    **_known(True),
                    "description": "there with --dry-run: nothing was stored",
                },
            },
            optional=("dry_run",),
        ),
        "$defs": shapes | answers,
    }


def failure() -> Schema:
    """The envelope of every failure of the command line."""
    codes = [code.name for code in Code if code.exit is not None]
    detail = _object(
        {name: {"type": "string"} for name in Detail.__annotations__}
    )
    error = _object(
        {
            "code": {
                **_known(*codes),
                "description": "stands for one exit status, see exit-codes.json; "
                "one of a list that a minor version may make longer",
            },
            "message": {
                "type": "string",
                "minLength": 1,
                "description": "for people; may change",
            },
            "hint": {
                "type": "string",
                "minLength": 1,
                "description": "what to do next; may change",
            },
            "details": {
                "type": "array",
                "minItems": 1,
                "items": _ref("FailureDetail"),
            },
        },
        optional=("hint", "details"),
    )
    failed = {**_known(False), "description": "false: it is not done"}
    return {
        "$schema": DRAFT,
        "title": "A failure of todo",
        "description": "Exactly one such document on stdout, exit status other than 0; "
        "usage errors and bugs included. Within a major version keys may be added "
        "to every object, never removed or retyped.",
        **_object({"success": failed, "error": _ref("Failure")}),
        "$defs": {"Failure": error, "FailureDetail": detail},
    }


def strict(schema: Any) -> Any:
    """Return a copy of a contract that takes only what the contract names.

    The contracts leave room for later versions: other keys, codes and
    fields are allowed. What this version prints needs none of that room, and a
    test that checks it uses the copy.
    """
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: strict(value) for key, value in schema.items()}
    if copy.get("type") == "object" and "properties" in copy:
        copy["additionalProperties"] = False
    # A property of this name is a schema, and no list.
    if isinstance(copy.get("examples"), list):
        copy["enum"] = copy["examples"]
    return copy


def exit_codes() -> Schema:
    """Every exit status of the command line, with the `error.code` that stands for it."""
    errors = [
        {
            "code": code.name,
            "exit": code.exit,
            "http": code.http,
            "meaning": code.meaning,
        }
        for code in Code
        if code.exit is not None
    ]
    return {
        "done": {"exit": 0, "meaning": DONE},
        "errors": errors,
        "signals": {
            "exit": "128+n",
            "code": Code.CANCELLED.name,
            "meaning": SIGNALLED,
        },
    }


def exit_table() -> str:
    """The same as a table in Markdown."""
    table = exit_codes()
    failed = (
        f"| {row['exit']} | `{row['code']}` | {row['meaning']} |"
        for row in [*table["errors"], table["signals"]]
    )
    head = [
        "| exit | `error.code` | meaning |",
        "|---|---|---|",
        f"| 0 | | {table['done']['meaning']} |",
    ]
    return "\n".join([*head, *failed])


def settings_table() -> str:
    """Every setting as a table in Markdown."""
    rows = [
        "| setting | flag | environment | config file | default |",
        "|---|---|---|---|---|",
    ]
    for each in SETTINGS:
        default = each.default_words or _default(each.default)
        names = [
            f"`{name}`" if name else ""
            for name in (each.flag, each.variable, each.key)
        ]
        rows.append(f"| {each.words} | {' | '.join(names)} | {default} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else f"{value:g}"


def formats_table() -> str:
    """Every format as a table in Markdown."""
    rows = [
        "| format | what it is | endings | import | export | can hold |",
        "|---|---|---|---|---|---|",
    ]
    for each in FORMATS:
        endings = ", ".join(f"`{ending}`" for ending in each.endings)
        written = "yes" if each.is_written else "no"
        rows.append(
            f"| `{each.name}` | {each.words} | {endings} | yes | {written} | {each.holds} |"
        )
    return "\n".join(rows)


def with_tables(text: str, *names: str) -> str:
    """A page with these tables as they should be."""
    tables = {
        "exit-codes": exit_table(),
        "settings": settings_table(),
        "formats": formats_table(),
    }
    for name in names:
        table = tables[name]
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, found, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise ValueError(f"a page lacks the markers of {name}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def pages() -> Iterator[tuple[Path, str]]:
    """Every file that is made here, and what it should hold."""
    for path, content in (
        (SUCCESS, success()),
        (FAILURE, failure()),
        (EXIT_CODES, exit_codes()),
    ):
        yield path, json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    for path, names in (
        (README, ["settings"]),
        (REFERENCE, ["exit-codes", "formats"]),
    ):
        yield path, with_tables(path.read_text(encoding="utf-8"), *names)


def _task() -> Schema:
    """A task; the fields have the words and limits of `task.py`, as in the API."""
    done = {"type": "boolean", "const": True}
    return {
        "description": "A task; every key is always there",
        **_object(stored(Task)),
        "if": {"properties": {"completed": done}},
        "then": {"properties": {"completed_at": {"type": "string"}}},
        "else": {"properties": {"completed_at": {"type": "null"}}},
    }


def _others() -> dict[str, Schema]:
    """The shapes of what is not a task."""
    text, flag, count = (
        {"type": "string", "minLength": 1},
        {"type": "boolean"},
        {"type": "integer", "minimum": 0},
    )
    words, number = {"type": "array", "items": text}, {"type": "number"}
    maybe_text = {"type": ["string", "null"]}
    maybe_count = {"type": ["integer", "null"], "minimum": 0}
    maybe_flag = {"type": ["boolean", "null"]}
    maybe_words = {"type": ["array", "null"], "items": text}
    always: dict[str, Schema] = {
        "version": text,
        "user": text,
        "user_from": text,
        "store": _known("sqlite", "postgresql"),
        "place": text,
        "store_from": text,
        "passed_over": words,
        "switches": words,
        "config_file": maybe_text,
        "config_mode": maybe_text,
        "config_keys": words,
        "embedded_file": maybe_text,
        "timeout_s": number,
        "pager": maybe_text,
        "pager_from": text,
        "time_zone": {"type": "string"},
        "warm": text,
        "reachable": _known(True),
        "schema": text,
        "tasks": count,
        "valid_tokens": maybe_count,
        "expired_tokens": maybe_count,
        "warnings": {
            "description": "What to look at, by the key that it is about",
            "type": "array",
            "items": _object({"field": text, "message": text}),
        },
    }
    # Of a store that is there.
    contents: dict[str, Schema] = {
        "counters_behind": maybe_words,
        "operations_behind": maybe_words,
        "trash": maybe_count,
        "operations": maybe_count,
        "history_entries": maybe_count,
        "unreadable_tasks": {
            "type": ["array", "null"],
            "items": {"type": ["integer", "string"]},
        },
        "tasks_checked": maybe_count,
        "unfilled_tasks": maybe_count,
        "unfilled_tags": maybe_count,
        "word_index": maybe_text,
        "numbers": text,
    }
    on_sqlite: dict[str, Schema] = {
        "files_beside": words,
        "file_mode": maybe_text,
        "file_owner": maybe_text,
        "file_bytes": maybe_count,
        "file_names": maybe_count,
        "folder_mode": maybe_text,
        "folder_owner": maybe_text,
        "disk_free_bytes": maybe_count,
        "disk_free_inodes": maybe_count,
        "disk_read_only": maybe_flag,
        "file_writable": maybe_flag,
        "sqlite_version": maybe_text,
        "journal_mode": maybe_text,
        "pages": maybe_text,
    }
    on_postgresql: dict[str, Schema] = {
        "tls": text,
        "certificates": words,
        "is_pooler": flag,
        "login": maybe_text,
        "password": {"type": ["string", "null"], "enum": ["***", None]},
        "ignored_parameters": words,
        "round_trips": count,
        "round_trip_ms": number,
        "server_version": text,
        "role": maybe_text,
        "bypasses_row_level_security": maybe_flag,
        "sees_rows_of": maybe_text,
        "encoding": maybe_text,
        "time_zone_of_server": maybe_text,
        "read_only": maybe_flag,
        "clock_drift_s": {"type": ["number", "null"]},
        "schema_owner": maybe_text,
        "closed_tables": maybe_words,
        "others_may_create_in": maybe_words,
        "others_who_may_create": maybe_words,
    }
    of_provider: dict[str, Schema] = {
        "jwks_url": maybe_text,
        **dict.fromkeys(("jwt_issuer", "jwt_audience", "jwt_claim"), text),
    }
    optional = of_provider | contents | on_sqlite | on_postgresql
    renumbered = _object({"user": text, "old": count, "new": count})
    imported: dict[str, Schema] = {
        **dict.fromkeys(("tasks", "users", "new"), count),
        **dict.fromkeys(("added", "present"), count),
        "kept_as_text": {
            "description": "How often each kind of thing became text; of a "
            "store of ours nothing does",
            "type": "object",
            "additionalProperties": count,
        },
        "left_out": _kinds("Nothing of a store of ours is left out"),
        "owners": words,
        "renumbered": {"type": "array", "items": renumbered},
        "operation": maybe_count,
        "history_left": words,
    }
    return {
        **_operations(),
        "Stats": _stats(),
        "Findings": {
            "description": "What doctor found out; null is what could not be read, and "
            "a warning says why. Of a store that cannot be used it is in error.details",
            **_object(always | optional, optional=list(optional)),
        },
        "Taken": _object(
            {
                "added": count,
                "present": count,
                "operation": maybe_count,
                "kept_as_text": _kinds("What became text of descriptions"),
                "left_out": _kinds("What did not, as descriptions say"),
                "renumbered": flag,
            }
        ),
        "Exported": _object(
            {
                "path": text,
                "tasks": count,
                "left_out": _kinds("What the format cannot hold"),
            }
        ),
        "Upgraded": _object(
            {"version": text, "created": flag, "word_index": text}
        ),
        "Imported": _object(imported),
        **_connecting(),
        "BackedUp": _object({"path": text, "tasks": count, "users": count}),
        "Script": _object({"sql": text}),
        "Completion": _object({"shell": text, "script": text}),
        "Warm": _warm(),
        **_tokens(),
        "Version": _object({"version": text}),
    }


def _warm() -> Schema:
    """The shape of `todo warm`: null is what is not there while it is off."""
    maybe_text = {"type": ["string", "null"], "minLength": 1}
    maybe_count = {"type": ["integer", "null"], "minimum": 0}
    return _object(
        {
            "on": {"type": "boolean"},
            "changed": {
                "description": "Whether this command has turned it on or off",
                "type": "boolean",
            },
            "ready": maybe_count,
            "busy": maybe_count,
            "place": maybe_text,
            "since": maybe_text,
            "warm": maybe_count,
            "cold": {
                "description": "How many commands ran cold, by reason; "
                "reasons may be added",
                "type": ["object", "null"],
                "additionalProperties": {"type": "integer", "minimum": 1},
            },
            "pid": maybe_count,
            "version": maybe_text,
            "memory_bytes": maybe_count,
        }
    )


def _tokens() -> dict[str, Schema]:
    """The shapes of `todo token`: only a new one has its text."""
    instant = stored(Task)["created_at"]
    maybe_instant = stored(Task)["completed_at"]
    begin: dict[str, Schema] = {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string", "minLength": 1, "maxLength": 100},
    }
    end: dict[str, Schema] = {
        "read_only": {"type": "boolean"},
        "created_at": instant,
        "expires_at": maybe_instant,
        "last_used_on": {
            "description": "The day in UTC; null if it was never used",
            "type": ["string", "null"],
            "format": "date",
        },
        "revoked_at": maybe_instant,
    }
    text = {
        "description": "The token; it is never shown again",
        "type": "string",
        "pattern": f"^{PATTERN}$",
    }
    return {
        "NewToken": _object({**begin, "token": text, **end}),
        "Token": _object(begin | end),
        "Tokens": {"type": "array", "items": _ref("Token")},
    }


def _connecting() -> dict[str, Schema]:
    """The shapes of connect and of `connect --off`."""
    text: Schema = {"type": "string", "minLength": 1}
    maybe_text = {"type": ["string", "null"]}
    count = {"type": "integer", "minimum": 0}
    connected: dict[str, Schema] = {
        "place": text,
        "login": maybe_text,
        "schema": text,
        "created": {"type": "boolean"},
        "user": text,
        "lists": {
            "description": "The lists that were there before",
            "type": "array",
            "items": _object({"user": text, "tasks": count}),
        },
        "config_file": text,
        "replaced": maybe_text,
        "left": count,
        "imported": {"anyOf": [_ref("Imported"), {"type": "null"}]},
        "warnings": {"type": "array", "items": text},
    }
    disconnected: dict[str, Schema] = {
        "config_file": maybe_text,
        "left": maybe_text,
        "place": maybe_text,
        "chosen_by": text,
        "user": maybe_text,
    }
    return {
        "Connected": _object(connected),
        "Disconnected": _object(disconnected),
    }


def _stats() -> Schema:
    """The shape of `todo stats`."""
    count = {"type": "integer", "minimum": 0}
    day = {"type": "string", "format": "date"}
    project = {
        "description": "Its name, without the projects below it; null for none",
        "type": ["string", "null"],
    }
    oldest = {
        "description": "When the oldest open task was added; null for none",
        "type": ["string", "null"],
        "format": "date-time",
    }
    of_project = _object({"project": project, "open": count, "overdue": count})
    return {
        "description": "Exact counts without the trash; open tasks do not wait",
        **_object(
            {
                **dict.fromkeys(("open", "overdue", "waiting", "done"), count),
                "days": {
                    "description": "The last 28 days of the caller, today last",
                    "type": "array",
                    "items": _object({"day": day, "done": count}),
                },
                "projects": {
                    "description": "Those with open tasks: most first, none last",
                    "type": "array",
                    "items": of_project,
                },
                "ages": {
                    "description": "Open tasks that were added today; else in the "
                    "last 7, 30 or 90 days, today among them; or before",
                    **_object(
                        dict.fromkeys((*CLASSES, OLDER), count)
                        | {"oldest": oldest}
                    ),
                },
            }
        ),
    }


def _kinds(what: str) -> Schema:
    """How many there are by kind."""
    return {
        "description": f"{what}, counted by its kind; kinds may be added",
        "type": "object",
        "additionalProperties": {"type": "integer", "minimum": 1},
    }


def _operations() -> dict[str, Schema]:
    """The shapes of history, undo and redo."""
    number = {"type": "integer", "minimum": 1}
    maybe_number = {"type": ["integer", "null"], "minimum": 1}
    identifier = {"type": "string", "format": "uuid"}
    changes = {
        "description": "The old and the new value by field; {} if it was purged",
        "type": "object",
        "propertyNames": _known(*_CHANGED),
        "additionalProperties": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
        },
    }
    task = _object(
        {
            "id": identifier,
            "number": number,
            "title": {
                "description": "The title now; null if the task was purged",
                "type": ["string", "null"],
            },
            "changes": changes,
        }
    )
    operation = {
        "description": "What one command did",
        **_object(
            {
                "operation": number,
                "id": identifier,
                "at": stored(Task)["created_at"],
                "command": {"type": "string", "minLength": 1},
                "undoes": maybe_number,
                "undone_by": maybe_number,
                "tasks": {"type": "array", "items": task},
            }
        ),
    }
    return {
        "History": {"type": "array", "items": operation},
        "Undone": _object(
            {
                "operation": {
                    "description": "The number of this undo or redo; null in a dry run",
                    **maybe_number,
                },
                "undoes": number,
                "tasks": _ref("Tasks"),
            }
        ),
    }


def _object(
    properties: Mapping[str, Schema], optional: Sequence[str] = ()
) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
    }


def _known(*values: str | bool) -> Schema:
    """The values that there are, as examples: a later version may have others."""
    kind = {str: "string", bool: "boolean"}[type(values[0])]
    return {"type": kind, "examples": list(values)}


def _any_of(names: Sequence[str]) -> Schema:
    return (
        _ref(names[0])
        if len(names) == 1
        else {"anyOf": [_ref(name) for name in names]}
    )


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def main(arguments: Sequence[str]) -> int:
    """Rewrite the files, or only say which are out of date."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__ or "")
        return 2
    old = [
        (path, fresh)
        for path, fresh in pages()
        if not path.exists() or path.read_text(encoding="utf-8") != fresh
    ]
    for path, fresh in old:
        if arguments:
            sys.stderr.write(
                f"{path.relative_to(ROOT)} is out of date: run `python -m tests.cli.contract`\n"
            )
        else:
            path.write_text(fresh, encoding="utf-8")
    return int(bool(arguments and old))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
