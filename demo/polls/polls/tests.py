from django.test import TestCase
from django.urls import reverse

from .models import Choice, Question


class VotingTests(TestCase):
    def test_a_vote_is_counted(self):
        question = Question.objects.get()
        choice = question.choices.first()
        answer = self.client.post(reverse('polls:vote', args=[question.pk]), {'choice': choice.pk}, follow=True)
        self.assertContains(answer, f'{choice.text}: 1 vote')

    def test_a_vote_without_a_choice_is_refused(self):
        question = Question.objects.get()
        answer = self.client.post(reverse('polls:vote', args=[question.pk]), {'choice': 'x'})
        self.assertEqual(answer.status_code, 400)
        self.assertFalse(Choice.objects.filter(votes__gt=0).exists())

    def test_the_front_page_says_what_it_is(self):
        self.assertContains(self.client.get('/'), 'This is the DjangoZoom polls site')
