from django.shortcuts import render

from polls.models import Question


def index(request):
    Question.objects.get_or_create(text="What's new?")
    return render(request, "polls/index.html", {"questions": Question.objects.all()})
