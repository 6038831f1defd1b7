"""All pages of the console, below any prefix: `path("", include("sagas.console.urls"))`."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from sagas.console import actions, home, lists, one
from sagas.console.pages import guarded
from sagas.non_atomic import non_atomic_urls

app_name = "sagas_console"

login = LoginView.as_view(
    template_name="sagas/console/login.html",
    next_page="sagas_console:home",
    redirect_authenticated_user=True,
)
logout = LogoutView.as_view(next_page="sagas_console:login")

urlpatterns = non_atomic_urls(
    [
        path("", home.home, name="home"),
        path("login/", guarded(login), name="login"),
        path("logout/", guarded(logout), name="logout"),
        path("find/", lists.find, name="find"),
        path("sagas/", lists.sagas, name="sagas"),
        path("sagas/<str:saga_id>/", one.saga, name="saga"),
        path("sagas/<str:saga_id>/<str:verb>/", actions.act, name="act"),
    ]
)
