"""The bodies of requests, as pydantic reads them: the shapes of `task.py` that come in."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, StrictBool

from todo_cli import rules
from todo_cli.task import NewTask, TaskChange

Title = Annotated[str, AfterValidator(rules.clean_title)]
Description = Annotated[str | None, AfterValidator(rules.clean_description)]
Id = Annotated[UUID, BeforeValidator(rules.read_id)]


class TaskCreate(BaseModel):
    """What a new task is made from; with an `id` a repeat adds nothing."""

    model_config = {"extra": "forbid"}

    title: Title
    description: Description = None
    id: Id | None = None

    def new_task(self) -> NewTask:
        """The same for the service."""
        return NewTask(**self.model_dump())


class TaskUpdate(BaseModel):
    """The fields to change; what is not named stays, an empty description clears it."""

    model_config = {"extra": "forbid"}

    title: Title | None = None
    description: Description = None
    completed: StrictBool | None = None

    def change(self) -> TaskChange:
        """The same for the service, with the fields that were named."""
        return TaskChange(**self.model_dump(exclude_unset=True))
