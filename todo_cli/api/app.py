"""The application: a route is a signature, a call of the service, and a view."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from todo_cli import __version__, rules
from todo_cli.api import answers, contract, cursors, docs
from todo_cli.api.bodies import Id, TaskCreate, TaskUpdate
from todo_cli.api.body import JsonRoute
from todo_cli.api.guard import Guard
from todo_cli.api.settings import ApiSettings
from todo_cli.database.engine import open_database
from todo_cli.errors import DatabaseUnavailable, Detail, InvalidInput, TodoError
from todo_cli.output import views
from todo_cli.output.views import Sheet, ViewContext
from todo_cli.service import TaskService
from todo_cli.task import TaskQuery, TaskStatus

MOST_TASKS: Final = 1_000
USUAL_TASKS: Final = 100


def create_app(settings: ApiSettings) -> FastAPI:
    """Make the application; the store is opened when it starts and let go of when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        size = settings.pool_size
        async with open_database(
            settings.target, timeout_s=settings.timeout_s, pool_size=size
        ) as database:
            app.state.database = database
            yield

    app = FastAPI(
        title="todo",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=_routes(),
        exception_handlers={
            TodoError: answers.on_todo_error,
            RequestValidationError: answers.on_invalid_request,
            HTTPException: answers.on_http_error,
        },
    )
    app.state.settings = settings
    app.add_route("/docs", docs.page, include_in_schema=False)
    app.add_middleware(Guard, settings=settings)
    contract.describe(app)
    return app


UserId = Annotated[str, Path(**contract.USER_ID), AfterValidator(rules.clean_user)]
TaskId = Annotated[Id, Path(**contract.TASK_ID)]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose tasks a request is about, and what the views may know."""

    tasks: TaskService
    context: ViewContext


async def _caller(request: Request, user_id: UserId) -> Caller:
    """The user in the path. Where the store is, and that it is new, is not for clients.

    Every call of the service is a transaction that has ended when it returns, and so
    before the answer is sent; the scope `function` keeps it so for whatever this may
    come to hold.
    """
    database, now = request.app.state.database, request.app.state.settings.now
    context = ViewContext(user_id, database.target.place, is_new_store=False, now=now())
    return Caller(TaskService(database, user_id, now), context)


CallerOf = Annotated[Caller, Depends(_caller, scope="function")]


def _limit(text: Any) -> int:
    """A strict number: Python would also read `1_0`, `+1` and ` 7 `."""
    digits = str(text)
    if not (
        digits.isascii()
        and digits.isdigit()
        and len(digits) <= 4
        and 1 <= int(digits) <= MOST_TASKS
    ):
        raise InvalidInput.of("limit", f"must be a number from 1 to {MOST_TASKS}")
    return int(digits)


class Page(BaseModel):
    """Which part of which list is asked for."""

    model_config = {"extra": "forbid"}

    status: TaskStatus = Field(TaskStatus.ALL, description="Which tasks.")
    limit: Annotated[int, BeforeValidator(_limit)] = Field(
        USUAL_TASKS,
        ge=1,
        le=MOST_TASKS,
        description="How many tasks a page holds at most.",
    )
    cursor: Annotated[
        str | None, WithJsonSchema({"type": "string", "pattern": cursors.PATTERN})
    ] = Field(
        None,
        description="Where the page begins, as the `Link` of the page before says; its form is the server's own.",
    )


async def list_tasks(caller: CallerOf, page: Annotated[Page, Query()]) -> Response:
    """List tasks, newest first.

    Ties are ordered by number, the highest first. The next page, if there is one, is
    named in the header `Link`.
    """
    after = None if page.cursor is None else cursors.read(page.cursor)
    found = await caller.tasks.list(TaskQuery(page.status, page.limit, after))
    headers = {}
    if found.next is not None:
        query = f"status={page.status}&limit={page.limit}&cursor={cursors.write(found.next)}"
        headers["Link"] = f'<{_path(caller.context.user)}?{query}>; rel="next"'
    return answers.succeed(views.listed(found, caller.context), headers=headers)


async def add_task(caller: CallerOf, task: TaskCreate) -> Response:
    """Add a task.

    With an `id` a repeat is harmless: the same id of the same user gives back the task
    that is there, unchanged.

    An id that another user holds is CONFLICT.
    """
    added = await caller.tasks.add(task.new_task())
    return answers.succeed(
        views.added(added, caller.context),
        status=HTTPStatus.CREATED if added.is_new else HTTPStatus.OK,
        headers={"Location": f"{_path(caller.context.user)}/{added.task.id}"},
    )


async def get_task(caller: CallerOf, task_id: TaskId) -> Response:
    """Show a task.

    Of another user's task nothing can be told from one that never was.
    """
    return answers.succeed(views.shown(await caller.tasks.get(task_id), caller.context))


async def update_task(
    caller: CallerOf, task_id: TaskId, changes: TaskUpdate
) -> Response:
    """Change a task.

    Changes the fields that the body names and no others; naming none, or an unknown
    one, is INVALID_INPUT.

    `updated_at` moves when something changed, so naming what is there already is a
    success that changes nothing. `completed` sets and clears `completed_at`; a task
    that is done already keeps its first time.
    """
    return answers.succeed(
        views.updated(
            await caller.tasks.update(task_id, changes.change()), caller.context
        )
    )


async def delete_task(caller: CallerOf, task_id: TaskId) -> Response:
    """Delete a task.

    Its number is never given again.
    """
    deleted = await caller.tasks.delete([task_id])
    return answers.succeed(
        views.Changed("Deleted", is_single=True)(deleted, caller.context)
    )


async def health(request: Request) -> Response:
    """Say whether the store can be reached.

    Asks the store, and so wakes a database that sleeps.

    Whatever stands in the way is 503; its own code is in the details.
    """
    database = request.app.state.database
    try:
        await database.ping()
    except TodoError as error:
        details: list[Detail] = [{"field": "code", "message": error.code.name}]
        raise DatabaseUnavailable(error.message, details=details) from error
    return answers.succeed(Sheet({"status": "ok"}, "The store answers"))


@cache
def _routes() -> list[BaseRoute]:
    """The routes of every application; FastAPI takes its time to read a signature."""
    router = APIRouter(route_class=JsonRoute)
    for path, method, endpoint in ROUTES:
        name = endpoint.__name__
        summary, _, description = inspect.cleandoc(endpoint.__doc__ or "").partition(
            "\n\n"
        )
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            tags=["server" if endpoint is health else "tasks"],
            operation_id=name,
            summary=summary.removesuffix("."),
            description=description,
        )
    return router.routes


def _path(user: str) -> str:
    return f"/api/{quote(user, safe='')}/tasks"


_LIST: Final = "/api/{user_id}/tasks"
_ONE: Final = "/api/{user_id}/tasks/{task_id}"
ROUTES: Final[Sequence[tuple[str, str, Callable[..., Awaitable[Response]]]]] = (
    (_LIST, "GET", list_tasks),
    (_LIST, "POST", add_task),
    (_ONE, "GET", get_task),
    (_ONE, "PUT", update_task),
    (_ONE, "DELETE", delete_task),
    ("/health", "GET", health),
)
