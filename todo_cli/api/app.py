"""The application: each route calls the service, and answers with a view."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import (
    APIRouter,
    Body,
    Depends,
    FastAPI,
    Header,
    Path,
    Query,
    Request,
    Response,
)
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from starlette.exceptions import HTTPException

from todo_cli import __version__, rules
from todo_cli.api import (
    answers,
    cursors,
    docs_page,
    lists,
    me,
    openapi,
    patterns,
)
from todo_cli.api.auth import HOLDER, Gate
from todo_cli.api.conditions import Conditions, read_tags
from todo_cli.api.context import ServerContext
from todo_cli.api.guard import Guard
from todo_cli.api.json_body import JsonRoute
from todo_cli.api.lists import Before, HistoryParameters, ListParameters
from todo_cli.api.shapes import Nothing, Schema, TaskCreate, TaskUpdate, ToUndo
from todo_cli.database.engine import Database, open_database
from todo_cli.docstring import docstring
from todo_cli.errors import InvalidInput, NotFound, TimedOut, TodoError
from todo_cli.output import views, words
from todo_cli.output.views import ViewContext
from todo_cli.service import TaskService
from todo_cli.task import Task
from todo_cli.tokens import Doorkeeper


def create_app(context: ServerContext) -> FastAPI:
    """Make the application.

    It opens the store when it starts, and closes it when it ends.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _opened(context) as database:
            app.state.database = database
            yield

    app = FastAPI(
        title="todo",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=[*router.routes, *docs_page.routes()],
        exception_handlers={
            TodoError: answers.on_todo_error,
            RequestValidationError: answers.on_invalid_request,
            HTTPException: answers.on_http_error,
        },
    )
    app.state.context = context
    if context.access is not None:
        app.add_middleware(Gate, access=context.access, now=context.now)
    app.add_middleware(Guard, context=context)
    openapi.describe(app)
    return app


@asynccontextmanager
async def _opened(context: ServerContext) -> AsyncIterator[Database]:
    """Open the store in this context, and have it asked for tokens."""
    opening = open_database(
        context.target,
        timeout_s=context.timeout_s,
        pool_size=context.pool_size,
    )
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opening)
        if context.access is not None:
            keeper = Doorkeeper(database, context.now)
            await stack.enter_async_context(context.access.open(keeper))
        yield database


def _task_id(text: Any) -> UUID | int:
    """Read the `id` or the number of a task.

    Raises:
        InvalidInput: it is neither.
    """
    if re.fullmatch("[1-9][0-9]{0,9}", text):
        return int(text)
    if rules.UUID_TEXT.fullmatch(text):
        return UUID(text)
    raise InvalidInput.of(
        "task_id", "must be a UUID of 36 characters, or a number from 1 on"
    )


UserId = Annotated[
    str, AfterValidator(rules.clean_user), Path(**openapi.USER_ID)
]
TaskId = Annotated[
    UUID | int,
    BeforeValidator(_task_id),
    WithJsonSchema(dict(patterns.TASK_ID)),
    Path(**openapi.TASK_ID),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose tasks a request is about, and what the views may know."""

    tasks: TaskService
    user: str
    place: str
    now: datetime
    """When the request came."""

    @property
    def context(self) -> ViewContext:
        """What a view needs; after the call of the service."""
        return ViewContext(
            self.user,
            self.place,
            # Clients do not learn which request has made the store.
            is_new_store=False,
            now=self.now,
            changed_at=self.tasks.changed_at,
        )


async def _caller(request: Request, user_id: UserId) -> Caller:
    """Make the service for the user in the path.

    A call of the service returns after its transaction, so the answer is sent
    after the commit. The scope `function` would keep this order, if this
    dependency ever had to clean up.
    """
    database = request.app.state.database
    now = request.app.state.context.now
    tasks = TaskService(database, user_id, now)
    return Caller(tasks, user_id, database.target.place, now())


CallerOf = Annotated[Caller, Depends(_caller, scope="function")]


_Lines = Annotated[
    list[str] | None,
    WithJsonSchema(dict(patterns.ENTITY_TAGS)),
]
"""The lines of a header that holds entity tags; None if it is not there."""


async def _conditions(
    if_match: Annotated[
        _Lines, Header(alias="If-Match", **openapi.IF_MATCH)
    ] = None,
    if_none_match: Annotated[
        _Lines, Header(alias="If-None-Match", **openapi.IF_NONE_MATCH)
    ] = None,
) -> Conditions:
    """Read on which version of the task a request depends."""
    return Conditions(
        read_tags("If-Match", if_match),
        read_tags("If-None-Match", if_none_match),
    )


ConditionsOf = Annotated[Conditions, Depends(_conditions, scope="function")]


async def _refuse_query(request: Request) -> None:
    """Refuse a query, on a route that has no parameters.

    Raises:
        InvalidInput: there is one.
    """
    if request.scope["query_string"]:
        for name in request.query_params:
            answers.refuse_parameter(name)
        raise InvalidInput.of("query", "this path takes no parameters")


router = APIRouter(route_class=JsonRoute)
Endpoint = Callable[..., Awaitable[Response]]


def _route(
    method: str,
    path: str,
    responses: dict[int | str, Schema],
    *,
    tag: str = "tasks",
    has_query: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Make a decorator that registers an endpoint.

    Its docstring becomes its summary and description in the contract. Without
    `has_query` each parameter in the query is refused: what somebody meant by
    `DELETE ...?dry_run=1` must not be passed over.
    """
    dependencies: list[Any] = []
    if not has_query:
        dependencies.append(Depends(_refuse_query))

    def register(endpoint: Endpoint) -> Endpoint:
        paragraphs = docstring(endpoint).split("\n\n")
        summary, *more = (" ".join(each.split()) for each in paragraphs)
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            responses=responses,
            tags=[tag],
            dependencies=dependencies,
            operation_id=endpoint.__name__,
            summary=summary.removesuffix("."),
            description="\n\n".join(more),
        )
        return endpoint

    return register


ME: Final = "/api/me"
USER: Final = "/api/{user_id}"
TASKS: Final = f"{USER}/tasks"
TASK: Final = f"{TASKS}/{{task_id}}"


@_route("GET", TASKS, openapi.LIST, has_query=True)
async def list_tasks(
    caller: CallerOf,
    parameters: Annotated[ListParameters, Query()],
    request: Request,
) -> Response:
    """List tasks, those that fit all filters.

    Ties are newest first, and then ordered by number, the highest first. The
    header `Link` names the next page, if there is one. The headers
    `Todo-Count-Open` and `Todo-Count-Done` count all tasks of the user, whatever
    is listed; 1001 means more than 1,000.
    """
    lists.refuse_repeated(request.query_params)
    context = request.app.state.context
    query = parameters.query(caller.now)
    async with context.room.making(parameters.limit):
        page = await caller.tasks.list(query)
        if page.fault is not None:
            raise page.fault
        sheet = views.listed(page, caller.context)
        headers = {
            "Todo-Count-Open": str(page.counts.open),
            "Todo-Count-Done": str(page.counts.done),
        }
        if page.next is not None:
            path = f"{_path(caller.user)}/tasks"
            link = parameters.link(path, page.next, page.today)
            headers["Link"] = link
        return await answers.succeed_long(sheet, headers=headers)


@_route("POST", TASKS, openapi.ADD)
async def add_task(
    caller: CallerOf,
    task: Annotated[
        TaskCreate, Body(openapi_examples=openapi.examples("title", "with_id"))
    ],
) -> Response:
    """Add a task.

    With an `id` the request can be repeated: if the user has a task with this
    id, the answer is that task, unchanged. If another user has it, the answer
    is CONFLICT.
    """
    added = await caller.tasks.add(task.new_task())
    status = HTTPStatus.OK
    if added.is_new:
        status = HTTPStatus.CREATED
    location = f"{_path(caller.user)}/tasks/{added.task.id}"
    return answers.succeed_with_task(
        views.added(added, caller.context),
        status=status,
        headers={"Location": location},
    )


@_route("GET", TASK, openapi.SHOW)
async def get_task(
    caller: CallerOf, task_id: TaskId, conditions: ConditionsOf
) -> Response:
    """Show a task, also one in the trash.

    The answer for another user's task is the same as for one that never
    existed. With `If-None-Match` and the `ETag` of an earlier answer it is
    304, without a body, as long as the task has not changed.
    """
    found = await caller.tasks.get(task_id)
    conditions.check_match(found.version)
    if conditions.is_known(found.version):
        return answers.not_modified(found.version)
    return answers.succeed_with_task(views.shown(found, caller.context))


Changes = Annotated[
    TaskUpdate,
    Body(openapi_examples=openapi.examples("mark_done", "new_text")),
]


# A body, although there is nothing to say: pages of other sites can send a
# POST without a JSON body to this server, without asking it first.
NothingOf = Annotated[
    Nothing, Body(openapi_examples=openapi.examples("nothing"))
]


@_route("PATCH", TASK, openapi.UPDATE)
async def patch_task(
    caller: CallerOf,
    task_id: TaskId,
    conditions: ConditionsOf,
    changes: Changes,
) -> Response:
    """Change a task; the same as PUT.

    Changes the fields that are in the body and no others.
    """
    return await update_task(caller, task_id, conditions, changes)


@_route("PUT", TASK, openapi.UPDATE)
async def update_task(
    caller: CallerOf,
    task_id: TaskId,
    conditions: ConditionsOf,
    changes: Changes,
) -> Response:
    """Change a task.

    Changes the fields that are in the body and no others. A body without a
    field, or with an unknown one, is INVALID_INPUT.

    `updated_at` changes only if another field does: a request that sets what
    is there already succeeds and changes nothing. `completed` sets and clears
    `completed_at`; a task that is done already keeps its time.

    With `If-Match` and the `ETag` of an earlier answer it is done only if
    nobody has changed the task since. A task in the trash is NOT_FOUND.
    """
    change = changes.change()

    async def update(version: int | None) -> list[Task]:
        return await caller.tasks.update([task_id], change, if_version=version)

    updated = await conditions.apply(update)
    names = list(change.named)
    view = views.Changed(words.UPDATED, is_single=True, names=names)
    return answers.succeed_with_task(view(updated, caller.context))


@_route("DELETE", TASK, openapi.DELETE)
async def delete_task(
    caller: CallerOf, task_id: TaskId, conditions: ConditionsOf
) -> Response:
    """Move a task to the trash.

    The answer is the task as it is now. It keeps its number, and `.../restore`
    takes it out again. A task that is in the trash already is NOT_FOUND.
    """

    async def delete(version: int | None) -> list[Task]:
        return await caller.tasks.delete([task_id], if_version=version)

    deleted = await conditions.apply(delete)
    view = views.Changed(words.DELETED, is_single=True)
    return answers.succeed_with_task(view(deleted, caller.context))


@_route("POST", f"{TASK}/restore", openapi.RESTORE)
async def restore_task(
    caller: CallerOf,
    task_id: TaskId,
    conditions: ConditionsOf,
    _body: NothingOf,
) -> Response:
    """Take a task out of the trash.

    A task that is not in the trash stays as it is, and that is a success. With
    `If-Match` it is done only if nobody has changed the task since.
    """

    async def restore(version: int | None) -> list[Task]:
        return await caller.tasks.restore([task_id], if_version=version)

    restored = await conditions.apply(restore)
    view = views.Changed(words.RESTORED, is_single=True)
    return answers.succeed_with_task(view(restored, caller.context))


@_route("GET", f"{TASK}/history", openapi.HISTORY_OF_TASK, has_query=True)
async def get_task_history(
    caller: CallerOf,
    task_id: TaskId,
    parameters: Annotated[HistoryParameters, Query()],
    request: Request,
) -> Response:
    """Show what was done with a task, the latest first.

    Each operation has what it did with this task, and none of its others. The
    header `Link` names the next page, if there is one.
    """
    path = f"{_path(caller.user)}/tasks/{task_id}/history"
    return await _history(caller, request, path, parameters, task_id)


@_route(
    "GET", f"{USER}/history", openapi.HISTORY, tag="history", has_query=True
)
async def get_history(
    caller: CallerOf,
    parameters: Annotated[HistoryParameters, Query()],
    request: Request,
) -> Response:
    """Show what was done, the latest first.

    Each operation has its tasks, with the old and the new value of each field
    that it changed. The header `Link` names the next page, if there is one.
    """
    path = f"{_path(caller.user)}/history"
    return await _history(caller, request, path, parameters, None)


async def _history(
    caller: Caller,
    request: Request,
    path: str,
    parameters: HistoryParameters,
    task_id: UUID | int | None,
) -> Response:
    """Answer with a page of the history of a user, or of a task."""
    lists.refuse_repeated(request.query_params)
    limit = parameters.limit
    before = parameters.before
    most_tasks = limit
    if task_id is None:
        # An operation can have any number of tasks, here and below.
        most_tasks = lists.MOST_TASKS
    async with request.app.state.context.room.making(most_tasks):
        page = await caller.tasks.history(task_id, limit=limit, before=before)
        if page.fault is not None:
            raise page.fault
        headers = {}
        if page.next is not None:
            cursor = cursors.write(Before(page.next))
            headers["Link"] = lists.link(path, {"limit": limit}, cursor)
        sheet = views.history(page, caller.context)
        return await answers.succeed_in_parts(sheet, headers=headers)


@_route("POST", f"{USER}/undo", openapi.UNDO, tag="history")
async def undo(
    caller: CallerOf,
    body: Annotated[
        ToUndo, Body(openapi_examples=openapi.examples("latest", "one"))
    ],
    request: Request,
) -> Response:
    """Take back an operation as a whole, by default the latest one.

    The latest is the last one that is neither undone nor an undo, redo or
    purge; repeated requests go further back. A new task goes to the trash.

    If a task has changed since, in a field that would be set back, the answer
    is CONFLICT and names the tasks. An operation that is undone already is a
    success. An undo, redo or purge cannot be taken back.
    """
    # Outside the room: it can wait for a lock, and others would wait for it.
    undone = await caller.tasks.undo(body.operation)
    return answers.succeed(views.undone(undone, caller.context))


@_route("POST", f"{USER}/redo", openapi.REDO, tag="history")
async def redo(
    caller: CallerOf, _body: NothingOf, request: Request
) -> Response:
    """Do again what was undone last.

    Only if nothing but undo and redo was done since; else it is NOT_FOUND.
    """
    redone = await caller.tasks.redo()
    return answers.succeed(views.redone(redone, caller.context))


@_route("GET", ME, openapi.ME, tag="server")
async def get_me(request: Request) -> Response:
    """Say whose token the request has, and what the token opens.

    In every other path, too, `me` is the user of the token. A server without
    `--auth` asks for no token: then there is nothing here.
    """
    holder = request.scope.get(HOLDER)
    if holder is None:
        raise NotFound("This server asks for no token, so it knows nobody")
    return answers.succeed(me.view(holder))


# Those who watch a server add parameters of their own.
@_route("GET", "/health", openapi.HEALTH, tag="server", has_query=True)
async def health(request: Request) -> Response:
    """Say whether the store can be reached.

    Sends a query to the store, and so wakes a suspended database.

    If the store cannot be used, for whatever reason, the answer is 503, and
    the code of the reason is in the details. A store that does not answer has
    as long as connecting to it may take.
    """
    state = request.app.state
    try:
        async with asyncio.timeout(state.context.timeout_s):
            await state.database.ping()
    except TodoError as error:
        return answers.unhealthy(error)
    except TimeoutError:
        place = state.database.target.place
        fault = TimedOut(f"No answer from {place} in time")
        return answers.unhealthy(fault)
    return answers.succeed(answers.HEALTHY)


def _path(user: str) -> str:
    """Write the path of all that is a user's; also `/` in the name is quoted."""
    return f"/api/{quote(user, safe='')}"
