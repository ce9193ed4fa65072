"""Random texts and words in many scripts: `python -m tests.service.words [COUNT]`.

Both stores have to find what `fold.has_words` finds, with an index and without.
"""

import asyncio
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.postgres import (
    PostgresCluster,
    find_with_trigrams,
    open_cluster,
)
from tests.support.stores import Clock
from todo_cli.database.engine import open_database
from todo_cli.database.url import Target, parse_url
from todo_cli.errors import InvalidInput
from todo_cli.fold import fold, has_words
from todo_cli.service import TaskService
from todo_cli.task import NewTask, Task, TaskQuery

SCRIPTS = (
    "abcdefg ABCDEFG",
    "àéîöüçñåøæßſẞ ÀÉÎÖÜÇÑÅØÆ",
    "e\u0301a\u0308o\u0323\u0302 n\u0303",
    "αβγδεσςΣΆΐώ ᾳ",
    "абвгдеёжйАБВГДЕЁЖЙ її",
    "ابتثجحلا \u0651\u064e ﷺ",
    "אבגדהשׁ ךםןףץ",
    "日本語漢字カタカナがぎぐ ｶﾞ",
    "한국어 \u1112\u1161\u11ab",
    "😀🎉👩\u200d💻🇩🇪 ☺️",
    "ﬁﬂﬀﬃ Ǆǅǆ ½ ² Ⅷ ㎏",
    "ıİiI ĞğŞş",
    "%_*?\"'\\[](){}^$|;:-+=<> .,",
    "0123456789 ٠١٢ ०१२",
)
SIZE = 12


class Texts:
    """Makes texts, always the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, most: int = SIZE) -> str:
        """A text in one or two scripts that has something visible."""
        scripts = self.random.sample(SCRIPTS, 2)
        letters = scripts[0] + self.random.choice(["", scripts[1]])
        size = self.random.randint(1, most)
        return "".join(self.random.choice(letters) for _ in range(size))

    def tag(self) -> str:
        """A tag, which has no white space and no comma."""
        return "t" + "".join(self.text(5).replace(",", "").split())

    def new(self) -> NewTask:
        """A task with a text in each place, or in some."""
        is_some = self.random.random
        return NewTask(
            title=f"x{self.text()}",
            description=f"y{self.text()}" if is_some() < 0.5 else None,
            project=f"z{self.text().replace('.', '')}".strip()
            if is_some() < 0.5
            else None,
            tags=[self.tag() for _ in range(self.random.randint(0, 2))],
        )

    def word(self, tasks: Sequence[Task]) -> str:
        """A part of a text, often written in another way; or another text."""
        if self.random.random() < 0.2:
            return self.text(4)
        task = self.random.choice(tasks)
        text = self.random.choice(
            [
                task.title,
                task.description or "",
                task.project or "",
                *task.tags,
            ]
        )
        start = self.random.randint(0, len(text))
        part = text[start : start + self.random.randint(1, 6)]
        ways = [part, part.upper(), part.lower(), fold(part)]
        return self.random.choice(ways)

    def queries(
        self, tasks: Sequence[Task], count: int
    ) -> Iterator[tuple[str, ...]]:
        """One to three words that have something to compare."""
        while count:
            words = [
                self.word(tasks)
                for _ in range(self.random.choice([1, 1, 2, 3]))
            ]
            if all(fold(word).strip() for word in words):
                count -= 1
                yield tuple(words)


async def compare(
    service: TaskService, seed: int, tasks: int, queries: int
) -> int:
    """Add tasks and look for words; return how many queries found something."""
    texts = Texts(seed)
    news: list[NewTask] = []
    while len(news) < tasks:
        try:
            news.append(texts.new())
        except InvalidInput:
            continue  # such as a text of blanks
    stored = [added.task for added in await service.add_all(news)]
    useful = 0
    for words in texts.queries(stored, queries):
        expected = {task.number for task in stored if has_words(task, words)}
        for limit in (None, tasks):
            page = await service.list(TaskQuery(words=words, limit=limit))
            found = {task.number for task in page.tasks}
            odd = sorted(found ^ expected)[:9]
            assert not odd, (seed, words, limit, odd)
        useful += bool(expected)
    return useful


def target_of(url: str) -> Target:
    """What `open_database` opens."""
    return parse_url(url, cwd=Path("/"))


async def run_all(urls: Sequence[str], count: int) -> None:
    """Compare on each store."""
    for url in urls:
        async with open_database(target_of(url)) as database:
            service = TaskService(database, "ada", Clock())
            useful = await compare(service, count, count, count)
        place = url.partition("://")[0]
        sys.stdout.write(
            f"{place}: {count} texts, {count} queries, {useful} found some\n"
        )


def main(arguments: Sequence[str]) -> int:
    """Compare on a file, on a server, and on one with trigrams if there is one."""
    count = int(arguments[0]) if arguments else 2_000
    clusters = [open_cluster()]
    trigrams = find_with_trigrams()
    if trigrams is not None:
        clusters.append(PostgresCluster(trigrams))
    else:
        sys.stdout.write("left out: an index of trigrams (needs pg_trgm)\n")
    try:
        with TemporaryDirectory() as folder:
            urls = [f"sqlite:///{folder}/todo.db"]
            for cluster in clusters:
                urls.append(cluster.url(cluster.create_database()))
            asyncio.run(run_all(urls, count))
    finally:
        for cluster in clusters:
            cluster.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
