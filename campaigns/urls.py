"""Addresses of this room."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path

from campaigns.views import brands, people

urlpatterns: list[URLPattern | URLResolver] = [
    # people
    path("sign-in/", people.SignInView.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("workspace/", people.switch_workspace, name="switch-workspace"),
    path("you/", people.you, name="you"),
    path("settings/members/", people.members, name="members"),
    path("settings/members/<int:pk>/role/", people.change_member_role, name="change-role"),
    # brands
    path("settings/brand-kits/", brands.brand_kits, name="brand-kits"),
    path("settings/brand-kits/new/", brands.new_brand_kit, name="new-brand-kit"),
    path("settings/brand-kits/<int:pk>/", brands.edit_brand_kit, name="brand-kit"),
]
