"""`tutor`: finds the command and turns expected errors into one plain line.

Exit codes: 0 done; 1 the answer is no (the course does not answer, doctor found a fault); 2 it could not be done, and the
line says how to mend it; 3 done in part (some books were refused); 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import sys
from typing import Any

import click

from index_store.errors import CourseTutorError

COMMANDS = {
    "assignments": "Hold back the answers to an assignment for a while.",
    "activity": "Delete what is kept of students' questions.",
    "ask": "Ask a course one question.",
    "chat": "Open the chat in the browser.",
    "courses": "List the courses and what they hold.",
    "doctor": "Check the installation, the model and every course's index.",
    "evaluate": "Measure a course on questions, or a model on examples.",
    "grade": "Answer a sheet of multiple-choice questions.",
    "ingest": "Read books into a course.",
    "keys": "Keys that programs ask with, over HTTP or MCP.",
    "merge": "Merge a run's adapter into its base model.",
    "export": "Write a merged model as GGUF or MLX, or an adapter as GGUF.",
    "mcp": "Serve the courses to a desktop client over MCP.",
    "insight": "Show what students asked, and where they are stuck.",
    "preferences": "List and export which answers were better, for DPO.",
    "quantize-report": "What each number format costs a model.",
    "questions": "Save questions whose pages a new index has to find.",
    "remove": "Take a book out of a course.",
    "report": "Show graded questions as one HTML file.",
    "rollback": "Answer from an earlier index again.",
    "set": "Set what holds for one course.",
    "train": "Train one stage from a recipe: CPT, SFT, DPO, prompt tuning.",
    "search": "Show the passages that a question finds.",
    "users": "Instructors who may log in.",
}


class LazyGroup(click.Group):
    """Imports a command's module only when it is called, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"tutor.cli.{name.replace('-', '_')}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CourseTutorError as error:
            click.echo(f"tutor: {error}", err=True)
            sys.exit(2)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe has left; click ends quietly
                raise
            place = f"{error.filename}: " if error.filename else ""
            click.echo(
                f"tutor: {place}{error.strerror or error}. Check the path, its permissions and free space.",
                err=True,
            )
            sys.exit(2)
        except KeyboardInterrupt:
            click.echo("tutor: interrupted; nothing that was there before is lost.", err=True)
            sys.exit(130)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="course-tutor", prog_name="tutor")
def main() -> None:
    """Course Tutor reads a course's books and answers its students from them, naming the page.

    Settings come from tutor.toml in the working folder, then TUTOR_* in the environment, then flags.
    """
