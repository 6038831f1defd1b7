from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from realtime import views

app_name = "realtime"
login = LoginView.as_view(
    template_name="realtime/login.html",
    next_page="realtime:orders",
    redirect_authenticated_user=True,
)
logout = LogoutView.as_view(next_page="realtime:login")

urlpatterns = [
    path("", views.orders, name="orders"),
    path("login/", views.guarded(login), name="login"),
    path("logout/", views.guarded(logout), name="logout"),
    path("<str:saga_id>/", views.order, name="order"),
    path("<str:saga_id>/say/", views.say, name="say"),
    path("<str:saga_id>/join/", views.join, name="join"),
    path("<str:saga_id>/leave/", views.leave, name="leave"),
]
