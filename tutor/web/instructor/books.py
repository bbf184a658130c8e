"""A course's books on the instructor's pages: uploaded, tried, ingested, removed; and its indexes, gone back to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from index_store.course import Course
from index_store.errors import BookError, CourseError, CourseTutorError, IndexDamagedError
from index_store.manifest import Manifest, read_manifest
from index_store.questions import read_questions
from index_store.rollback import roll_back
from ingest.books import Progress
from ingest.pipeline import ingest, preview, remove
from ingest.report import IngestReport
from tutor.accounts import User
from tutor.answering.service import AnsweringService
from tutor.course_settings import LEVELS, CourseSettings, read_settings
from tutor.web.instructor.access import Access, Instructor
from tutor.web.instructor.jobs import Jobs
from tutor.web.instructor.rules import models_in_use
from tutor.web.instructor.templates import page
from tutor.web.instructor.uploads import MOST_FILES, Uploads
from tutor.web.sessions import from_own_pages

REFRESH = 2  # seconds


@dataclass(frozen=True)
class Index:
    """One of the kept indexes of a course."""

    name: str
    created: str
    books: int
    passages: int
    live: bool


def routes(access: Access, service: AnsweringService, jobs: Jobs, upload_mb: int) -> APIRouter:
    """The list of courses, and each course's page with what changes its books."""
    router = APIRouter(prefix="/instructor", dependencies=[Depends(from_own_pages)])
    library = service.library

    @router.get("")
    def courses(request: Request, user: Instructor) -> Response:
        rows = [(course.name, _manifest(course), jobs.latest(course.name)) for course in library.courses()]
        return page(request, "courses.html", user=user, said=access.said(user), courses=rows)

    @router.post("/new")
    def new(request: Request, user: Instructor, name: Annotated[str, Form(max_length=64)] = "") -> Response:
        try:
            course = library.course(name.strip())
        except CourseTutorError as error:
            return access.refused(request, user, "", error)
        return access.done(request, user, f"/c/{course.name}", lambda: "Upload the course's first books.")

    @router.get("/c/{name}")
    def course(request: Request, user: Instructor, name: str) -> Response:
        found = _course(service, name)
        job, uploads = jobs.latest(name), Uploads(library.home, name)
        manifest = _manifest(found)
        return page(
            request,
            "course.html",
            user=user,
            said=access.said(user),
            course=name,
            manifest=manifest,
            indexes=_indexes(found),
            job=job,
            refresh=REFRESH if job and not job.over else 0,
            waiting=uploads.files,
            folder=f"{uploads.folder}/",  # a path of the machine says nothing to who uploaded
            upload_mb=upload_mb,
            most_files=MOST_FILES,
            levels=LEVELS,
            settings=_settings(access, user, found),
            models=models_in_use(library),
            questions=_questions(found),
        )

    @router.post("/c/{name}/upload")
    async def upload(request: Request, user: Instructor, name: str) -> Response:
        _course(service, name)
        uploads = Uploads(library.home, name)
        try:
            form = await request.form(max_files=MOST_FILES, max_fields=4)
        except HTTPException:  # too many parts, or none that can be read
            access.say(user, f"At most {MOST_FILES} files are taken at a time.", wrong=True)
            return access.go(request, f"/c/{name}")
        files = [part for part in form.getlist("books") if isinstance(part, UploadFile) and part.filename]

        def keep() -> str:
            jobs.check_idle(name)  # what it reads stays as it is
            kept = []
            for part in files:
                try:
                    kept.append(uploads.add(part.filename or "", part.file, upload_mb * 1_000_000).name)
                except BookError as error:
                    access.say(user, str(error), wrong=True)
            if not files:
                raise CourseError("no file was chosen. Choose the books to upload.")
            if not kept:
                return ""
            target = library.course(name)
            jobs.start(name, "dry run", user.name, lambda progress: preview(uploads.files, target, service.embedding, progress))
            return f"Uploaded: {', '.join(kept)}."

        try:
            return await run_in_threadpool(access.done, request, user, f"/c/{name}", keep)
        finally:
            await form.close()

    @router.post("/c/{name}/ingest")
    def take(request: Request, user: Instructor, name: str, force: Annotated[bool, Form()] = False) -> Response:
        target, uploads = _course(service, name), Uploads(library.home, name)

        def start() -> str:
            files = uploads.files
            if not files:
                raise CourseError("no book waits to be ingested. Upload one first.")

            def work(progress: Progress) -> IngestReport:
                report = ingest(files, target, service.embedding, library.vectors, progress, force)
                if report.published or not report.failed:
                    uploads.discard(files)
                return report

            jobs.start(name, "ingest", user.name, work)
            return ""

        return access.done(request, user, f"/c/{name}", start)

    @router.post("/c/{name}/discard")
    def discard(request: Request, user: Instructor, name: str) -> Response:
        _course(service, name)

        def work() -> str:
            jobs.check_idle(name)
            Uploads(library.home, name).discard()
            jobs.forget(name)
            return "The uploaded files are discarded; the course is as it was."

        return access.done(request, user, f"/c/{name}", work)

    @router.post("/c/{name}/remove")
    def take_out(
        request: Request, user: Instructor, name: str, book: Annotated[str, Form()], force: Annotated[bool, Form()] = False
    ) -> Response:
        target = _course(service, name)

        def start() -> str:
            if target.manifest().embedding != service.embedding.name:
                raise CourseError("this course was made with another embedding. Use: tutor remove")
            jobs.start(name, "removal", user.name, lambda _: remove([book], target, service.embedding, library.vectors, force))
            return ""

        return access.done(request, user, f"/c/{name}", start)

    @router.post("/c/{name}/rollback")
    def back(request: Request, user: Instructor, name: str, to: Annotated[str, Form(max_length=64)]) -> Response:
        target = _course(service, name)

        def work() -> str:
            if to not in [generation.name for generation in target.generations()]:
                raise CourseError("this index is not kept any more. Load the page again.")
            told = f"The course is answered from its index of {roll_back(target, to).created} now."
            jobs.forget(name)  # what it says of the live index holds no longer
            return told

        return access.done(request, user, f"/c/{name}", work)

    return router


def _course(service: AnsweringService, name: str) -> Course:
    try:
        return service.library.course(name)
    except CourseTutorError:
        raise HTTPException(404) from None


def _manifest(course: Course) -> Manifest | None:
    with suppress(CourseTutorError):
        return course.manifest()
    return None


def _indexes(course: Course) -> list[Index]:
    """The kept indexes, newest first."""
    live = course.live_name if course.published else ""
    found = []
    for generation in course.generations()[::-1]:
        with suppress(IndexDamagedError):
            manifest = read_manifest(generation)
            found.append(
                Index(generation.name, manifest.created, len(manifest.books), manifest.passages, generation.name == live)
            )
    return found


def _settings(access: Access, user: User, course: Course) -> CourseSettings | None:
    try:
        return read_settings(course)
    except CourseTutorError as error:
        access.say(user, str(error), wrong=True)
        return None


def _questions(course: Course) -> list:
    with suppress(CourseTutorError):
        return read_questions(course.questions_file)
    return []
