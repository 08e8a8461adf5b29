from books.models import Book
from django.http import HttpResponse
from django.shortcuts import render
from library.version import VERSION


def index(request):
    """The page that proves a deploy: code of this version, its template, its database."""
    return render(request, "books/index.html", {"books": Book.objects.all()[:20], "version": VERSION})


def version(request):
    """What a probe asks for again and again, so it touches nothing."""
    return HttpResponse(VERSION, content_type="text/plain")
