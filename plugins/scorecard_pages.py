"""Pages of publications, data and models inside Airflow's UI, for its users alone.

A mounted app gets nothing from Airflow's own: each of its routes asks here for the user and for the
right to see the DAG that the page tells of. Every component of Airflow runs this file, so the app
is made at the first request and only the API server pays for it.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/scorecard"
PAGES = {
    "publications": ("Công bố", "publish_scorecard"),
    "data": ("Dữ liệu", "ingest_exports"),
    "models": ("Mô hình", "build_warehouse"),
}
"""Each page, its name in the navigation, and the DAG that its reader must be allowed to see."""

log = logging.getLogger(__name__)


@cache
def app() -> "FastAPI":
    """The pages as an application that Airflow's API server mounts."""
    import psycopg
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
    from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
    from starlette.exceptions import HTTPException as AnyHTTPException

    from motcua.errors import Failed
    from motcua.pages import facts, render

    def seeing(*dag_ids: str) -> APIRouter:
        may_see = [requires_access_dag("GET", param_dag_id=dag_id) for dag_id in dag_ids]
        return APIRouter(dependencies=[Depends(one) for one in may_see])

    publications, data, models = (seeing(dag_id) for _, dag_id in PAGES.values())
    gates = seeing("build_warehouse", "publish_scorecard")

    def reader(request: Request) -> render.Reader:
        return render.reader(request.query_params.get("lang"), request.scope["root_path"])

    def found(html: str | None) -> HTMLResponse:
        if html is None:
            raise HTTPException(404)
        return HTMLResponse(html)

    @publications.get("/publications")
    def list_publications(request: Request) -> HTMLResponse:
        return found(render.publications(reader(request), facts.now().date()))

    @publications.get("/publications/{publication_id}")
    def show_publication(request: Request, publication_id: str) -> HTMLResponse:
        return found(render.publication(reader(request), publication_id))

    @publications.get("/publications/{publication_id}/companions")
    def show_companions(request: Request, publication_id: str) -> HTMLResponse:
        return found(render.companion_figures(reader(request), publication_id))

    @publications.get("/publications/{publication_id}/documents/{name}")
    def download(publication_id: str, name: str) -> FileResponse:
        path = render.document(publication_id, name)
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, filename=path.name)

    @data.get("/data")
    def show_data(request: Request) -> HTMLResponse:
        return found(render.data(reader(request), facts.now()))

    @gates.get("/gates")
    def list_gates(request: Request) -> HTMLResponse:
        return found(render.gates(reader(request)))

    @gates.get("/gates/{gate_run_id}")
    def show_gate(request: Request, gate_run_id: str) -> HTMLResponse:
        return found(render.gate(reader(request), gate_run_id))

    @models.get("/models")
    def show_models(request: Request) -> HTMLResponse:
        return found(render.models(reader(request)))

    @models.get("/models/{invocation_id}")
    def show_run(request: Request, invocation_id: str) -> HTMLResponse:
        return found(render.models(reader(request), invocation_id))

    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for router in (publications, data, models, gates):
        pages.include_router(router)

    @pages.middleware("http")
    async def protect(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = render.content_security_policy()
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    @pages.exception_handler(AnyHTTPException)
    def refuse(request: Request, error: AnyHTTPException) -> Response:
        is_browser = "text/html" in request.headers.get("accept", "")
        if error.status_code == 401 and is_browser:
            return RedirectResponse(
                get_auth_manager().get_url_login(next_url=str(request.url)), status_code=303
            )
        if error.status_code == 404 and is_browser:
            return HTMLResponse(render.problem(reader(request), "not_found"), status_code=404)
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)

    @pages.exception_handler(Failed)
    @pages.exception_handler(psycopg.Error)
    def unavailable(request: Request, error: Exception) -> HTMLResponse:
        log.error("The page %s could not be read: %s", request.url.path, error)
        return HTMLResponse(render.problem(reader(request), "unavailable"), status_code=503)

    return pages


async def serve(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Hand a request to the app, which the first one makes."""
    await app()(scope, receive, send)


def _address(page: str) -> str:
    """Where the UI finds a page, also behind a proxy that adds a path before Airflow's."""
    before = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return f"{before}{PREFIX}/{page}"


class ScorecardPages(AirflowPlugin):
    """Three pages in the navigation of the UI."""

    name = "scorecard_pages"
    fastapi_apps = [{"app": serve, "url_prefix": PREFIX, "name": "Scorecard pages"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": label,
            "href": _address(page),
            "destination": "nav",
            "nav_top_level": True,
            "url_route": f"scorecard-{page}",
        }
        for page, (label, _) in PAGES.items()
    ]
