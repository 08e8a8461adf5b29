from django.db import migrations


def ask(apps, schema_editor):
    question = apps.get_model('polls', 'Question').objects.create(text='How do you like to deploy?')
    choice = apps.get_model('polls', 'Choice')
    for text in ('With one command', 'By hand, step by step', 'I leave that to somebody else'):
        choice.objects.create(question=question, text=text)


class Migration(migrations.Migration):

    dependencies = [
        ('polls', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(ask, migrations.RunPython.noop),
    ]
