from django.db.models import F
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from .models import Choice, Question


def index(request):
    return render(request, 'polls/index.html', {'questions': Question.objects.order_by('-published')})


def detail(request, question_id):
    return render(request, 'polls/detail.html', {'question': get_object_or_404(Question, pk=question_id)})


@require_POST
def vote(request, question_id):
    question = get_object_or_404(Question, pk=question_id)
    choice = request.POST.get('choice', '')
    if not choice.isdecimal() or not question.choices.filter(pk=choice).exists():
        context = {'question': question, 'error': 'Please choose an answer.'}
        return render(request, 'polls/detail.html', context, status=400)
    Choice.objects.filter(pk=choice).update(votes=F('votes') + 1)
    return redirect('polls:results', question_id=question.pk)


def results(request, question_id):
    return render(request, 'polls/results.html', {'question': get_object_or_404(Question, pk=question_id)})
