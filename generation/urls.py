"""Addresses of this room."""

from django.urls import path

from generation.views import files

urlpatterns = [
    path("files/<str:signature>/<path:path>", files.serve_file, name="file"),
]
