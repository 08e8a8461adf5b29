from django.db import migrations


def add_books(apps, schema_editor):
    book = apps.get_model("books", "Book")
    book.objects.bulk_create([book(title=f"Book {number}", pages=100 * number) for number in (1, 2, 3)])


class Migration(migrations.Migration):
    dependencies = [("books", "0001_initial")]
    operations = [migrations.RunPython(add_books, migrations.RunPython.noop)]
