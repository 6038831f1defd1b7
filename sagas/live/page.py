"""`GET /live/{saga_id}`: one saga as it goes, for a person with a browser.

The page shows what its script reads from the stream, so it needs no rights of its own: who may not
see the saga is told by the stream.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sagas.non_atomic import non_atomic


@non_atomic
def live(request: HttpRequest, saga_id: str) -> HttpResponse:
    """The page, the same for everybody."""
    # Where `sagas.urls` is mounted; all that the script reads is below it.
    named = {"saga_id": saga_id, "base": request.path.removesuffix(f"live/{saga_id}")}
    return render(request, "sagas/live.html", named)
