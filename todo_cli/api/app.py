"""The application: each route calls the service, and answers with a view."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import (
    APIRouter,
    Body,
    Depends,
    FastAPI,
    Path,
    Query,
    Request,
    Response,
)
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
)
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from todo_cli import __version__, rules
from todo_cli.api import answers, cursors, docs_page, openapi
from todo_cli.api.context import ServerContext
from todo_cli.api.guard import Guard
from todo_cli.api.json_body import JsonRoute
from todo_cli.api.shapes import Schema, TaskCreate, TaskUpdate
from todo_cli.database.engine import open_database
from todo_cli.docstring import docstring
from todo_cli.errors import InvalidInput, TimedOut, TodoError
from todo_cli.output import views
from todo_cli.output.views import ViewContext
from todo_cli.service import TaskService
from todo_cli.task import Position, Sort, TaskQuery, TaskStatus

MOST_TASKS: Final = 1_000
USUAL_TASKS: Final = 100


def create_app(context: ServerContext) -> FastAPI:
    """Make the application.

    It opens the store when it starts, and closes it when it ends.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opening = open_database(
            context.target,
            timeout_s=context.timeout_s,
            pool_size=context.pool_size,
        )
        async with opening as database:
            app.state.database = database
            yield

    app = FastAPI(
        title="todo",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=router.routes,
        exception_handlers={
            TodoError: answers.on_todo_error,
            RequestValidationError: answers.on_invalid_request,
            HTTPException: answers.on_http_error,
        },
    )
    app.state.context = context
    app.add_route("/docs", docs_page.page, include_in_schema=False)
    app.add_middleware(Guard, context=context)
    openapi.describe(app)
    return app


UserId = Annotated[
    str, AfterValidator(rules.clean_user), Path(**openapi.USER_ID)
]
TaskId = Annotated[
    UUID, BeforeValidator(rules.read_id), Path(**openapi.TASK_ID)
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose tasks a request is about, and what the views may know."""

    tasks: TaskService
    context: ViewContext


async def _caller(request: Request, user_id: UserId) -> Caller:
    """Make the service for the user in the path.

    A call of the service returns after its transaction, so the answer is sent
    after the commit. The scope `function` would keep this order, if this
    dependency ever had to clean up.
    """
    database = request.app.state.database
    now = request.app.state.context.now
    context = ViewContext(
        user_id,
        database.target.place,
        # Clients do not learn which request has made the store.
        is_new_store=False,
        now=now(),
    )
    return Caller(TaskService(database, user_id, now), context)


CallerOf = Annotated[Caller, Depends(_caller, scope="function")]


def _limit(text: Any) -> int:
    """Read a limit.

    Raises:
        InvalidInput: it is not a number from 1 to 1,000.
    """
    digits = str(text)
    # int() alone would also read `1_0`, `+1` and ` 7 `.
    is_number = re.fullmatch("[0-9]{1,4}", digits)
    if is_number is None or not 1 <= int(digits) <= MOST_TASKS:
        raise InvalidInput.of(
            "limit", f"must be a number from 1 to {MOST_TASKS}"
        )
    return int(digits)


def _today(text: Any) -> date:
    """Read a day.

    Raises:
        InvalidInput: it is not a day such as 2026-12-24.
    """
    return rules.read_day("today", text)


# Its docstring is a part of the contract, and `python -OO` removes it.
TaskStatus.__doc__ = docstring(TaskStatus)


class ListParameters(BaseModel):
    """The query of a list: the fields of `TaskQuery`, and `cursor`."""

    model_config = {"extra": "forbid"}

    status: TaskStatus = Field(TaskStatus.ALL, description="Which tasks.")
    limit: Annotated[int, BeforeValidator(_limit)] = Field(
        USUAL_TASKS,
        ge=1,
        le=MOST_TASKS,
        description="How many tasks a page has at most.",
    )
    today: Annotated[
        date | None,
        BeforeValidator(_today),
        WithJsonSchema({"type": "string", "format": "date"}),
    ] = Field(
        None,
        description="The caller's day, which decides what is open and what waits; "
        "by default the day in UTC.",
    )
    cursor: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "pattern": cursors.PATTERN}),
    ] = Field(
        None,
        description="Where the page begins: a part of the `Link` of the page before.",
    )

    def query(self) -> TaskQuery:
        """Make the query for the service.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        filters = self.model_dump(exclude={"cursor"})
        after = None
        if self.cursor is not None:
            after = cursors.read(self.cursor, Position)
        return TaskQuery(**filters, sort=Sort.NEWEST, after=after)

    def link(self, user: str, after: Position, today: date) -> str:
        """Write the header `Link`, which names the next page.

        The next page is of the same day, also after midnight.
        """
        values = self.model_dump(
            mode="json", exclude={"cursor"}, exclude_none=True
        )
        if self.status in (TaskStatus.OPEN, TaskStatus.WAITING):
            values["today"] = today.isoformat()
        values["cursor"] = cursors.write(after)
        parameters = urlencode(values)
        return f'<{_path(user)}?{parameters}>; rel="next"'


router = APIRouter(route_class=JsonRoute)
Endpoint = Callable[..., Awaitable[Response]]


def _route(
    method: str,
    path: str,
    responses: dict[int | str, Schema],
    *,
    tag: str = "tasks",
) -> Callable[[Endpoint], Endpoint]:
    """Make a decorator that registers an endpoint.

    Its docstring becomes its summary and description in the contract.
    """

    def register(endpoint: Endpoint) -> Endpoint:
        paragraphs = docstring(endpoint).split("\n\n")
        summary, *more = (" ".join(each.split()) for each in paragraphs)
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            responses=responses,
            tags=[tag],
            operation_id=endpoint.__name__,
            summary=summary.removesuffix("."),
            description="\n\n".join(more),
        )
        return endpoint

    return register


TASKS: Final = "/api/{user_id}/tasks"
TASK: Final = "/api/{user_id}/tasks/{task_id}"


@_route("GET", TASKS, openapi.LIST)
async def list_tasks(
    caller: CallerOf,
    parameters: Annotated[ListParameters, Query()],
    request: Request,
) -> Response:
    """List tasks, newest first.

    Ties are ordered by number, the highest first. The header `Link` names the
    next page, if there is one.
    """
    _refuse_repeated(request.query_params)
    room = request.app.state.context.room
    async with room.making(parameters.limit):
        page = await caller.tasks.list(parameters.query())
        if page.fault is not None:
            raise page.fault
        sheet = views.listed(page, caller.context)
        headers = {}
        if page.next is not None:
            user = caller.context.user
            headers["Link"] = parameters.link(user, page.next, page.today)
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
    location = f"{_path(caller.context.user)}/{added.task.id}"
    return answers.succeed(
        views.added(added, caller.context),
        status=status,
        headers={"Location": location},
    )


@_route("GET", TASK, openapi.SHOW)
async def get_task(caller: CallerOf, task_id: TaskId) -> Response:
    """Show a task.

    The answer for another user's task is the same as for one that never
    existed.
    """
    found = await caller.tasks.get(task_id)
    return answers.succeed(views.shown(found, caller.context))


Changes = Annotated[
    TaskUpdate,
    Body(openapi_examples=openapi.examples("mark_done", "new_text")),
]


@_route("PATCH", TASK, openapi.UPDATE)
async def patch_task(
    caller: CallerOf, task_id: TaskId, changes: Changes
) -> Response:
    """Change a task; the same as PUT.

    Changes the fields that are in the body and no others.
    """
    return await update_task(caller, task_id, changes)


@_route("PUT", TASK, openapi.UPDATE)
async def update_task(
    caller: CallerOf, task_id: TaskId, changes: Changes
) -> Response:
    """Change a task.

    Changes the fields that are in the body and no others. A body without a
    field, or with an unknown one, is INVALID_INPUT.

    `updated_at` changes only if another field does: a request that sets what
    is there already succeeds and changes nothing. `completed` sets and clears
    `completed_at`; a task that is done already keeps its time.
    """
    change = changes.change()
    updated = await caller.tasks.update([task_id], change)
    names = list(change.named)
    view = views.Changed("Updated", is_single=True, names=names)
    return answers.succeed(view(updated, caller.context))


@_route("DELETE", TASK, openapi.DELETE)
async def delete_task(caller: CallerOf, task_id: TaskId) -> Response:
    """Delete a task.

    Its number is never used again.
    """
    deleted = await caller.tasks.delete([task_id])
    view = views.Changed("Deleted", is_single=True)
    return answers.succeed(view(deleted, caller.context))


@_route("GET", "/health", openapi.HEALTH, tag="server")
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


def _refuse_repeated(query: QueryParams) -> None:
    """Refuse a parameter that is there twice: it has no clear value.

    The parameters are known ones, so the error may name them.

    Raises:
        InvalidInput: a parameter is there more than once.
    """
    seen = set()
    for name, _ in query.multi_items():
        if name in seen:
            raise InvalidInput.of(name, "must not be given more than once")
        seen.add(name)


def _path(user: str) -> str:
    """Write the path of a user's tasks; also `/` in the name is quoted."""
    return f"/api/{quote(user, safe='')}/tasks"
