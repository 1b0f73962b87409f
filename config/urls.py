"""Every address of Loupe."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("campaigns.urls")),
    path("", include("generation.urls")),
    path("", include("review.urls")),
]
