"""What is said of migrations before a version is put anywhere."""

import json
from dataclasses import replace

import pytest

from dz.errors import MissingEnvironment, VerificationFailed
from dz.tasklib.verification import migrations
from tests.integration.django_projects import PLAN, make_project

WITH_APPS = "INSTALLED_APPS += ['shop', 'notes']\n"
MODELS = """
    from django.db import models

    class Product(models.Model):
        name = models.CharField(max_length=20, help_text="is on the label")
        sold = models.BooleanField(default=True)
        class Meta:
            verbose_name = "thing"
"""
INITIAL = """
    from django.db import migrations, models

    class Migration(migrations.Migration):
        initial = True
        dependencies = []
        operations = [migrations.CreateModel("Product", [
            ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=20)),
        ])]
"""
LATER = """
    from django.db import migrations, models

    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
        operations = [migrations.AddField("Product", "sold", models.BooleanField(default=False))]
"""
NOTE = """
    from django.db import models

    class Note(models.Model):
        text = models.TextField()
"""


PACKAGES = ("shop", "shop/migrations", "notes")


def site(folder, packages=PACKAGES, settings="", **more):
    for package in packages:
        (folder / "src" / package).mkdir(parents=True, exist_ok=True)
        (folder / "src" / package / "__init__.py").touch()
    apps = {
        "shop/models.py": MODELS,
        "shop/migrations/0001_initial.py": INITIAL,
        "notes/models.py": NOTE,
        ".gitignore": "*.pyc\n\n**/migrations/\n",
    }
    return make_project(folder / "src", WITH_APPS + settings, **{**apps, **more})


def test_models_ahead_of_their_migrations_are_warned_of_with_what_hides_them(check, open_folder):
    notes, shop = [warning for warning in check(site(open_folder)).warnings if "migration" in warning]
    assert notes == (
        "notes has models (Note) but no migrations, so its tables will not exist and pages that need them fail. "
        ".gitignore:3 has git ignore them: **/migrations/. Run `python manage.py makemigrations notes`, and commit the "
        "migrations of notes: git must not ignore them."
    )
    # The help text, the name of the model and the kind of its key need no migration.
    assert shop == (
        "The models of shop have changes that no migration makes: Add field sold to product. The database stays as the "
        "migrations say, so pages that need these changes fail. Run `python manage.py makemigrations shop`, and commit what "
        "it writes."
    )


def test_what_is_known_of_unchanged_models_is_said_again_without_being_asked(check, open_folder):
    before = check(site(open_folder)).warnings
    kept = open_folder / "work" / "models.json"
    answer = json.loads(kept.read_text())
    kept.write_text(json.dumps({**answer, "unmade": {"shop": ["what was known"]}}))
    assert "what was known" in " ".join(check(site(open_folder, **{"site1/wsgi.py": "application = 1\n"})).warnings)
    check(site(open_folder, **{"shop/migrations/0002_sold.py": LATER}))
    assert json.loads(kept.read_text())["unmade"] == {}
    assert check(site(open_folder, **{"shop/migrations/0002_sold.py": "raise SystemExit"}), plan=WITHOUT).warnings
    (open_folder / "src/shop/migrations/0002_sold.py").unlink()
    assert check(site(open_folder)).warnings == before


WITHOUT = replace(PLAN, hooks=("check",))
"""The plan of a version that runs no migrations."""


def test_migrations_in_a_folder_that_is_no_package_are_not_seen_by_django_which_is_said(check, open_folder):
    (found,) = [one for one in check(site(open_folder, packages=("shop", "notes"))).warnings if one.startswith("shop")]
    assert (
        "shop has models (Product), and shop/migrations has no __init__.py, so Django sees no migrations there" in found
    )


def test_tables_that_a_hook_makes_without_migrations_are_not_missed(check, open_folder):
    plan = replace(PLAN, hooks=("migrate --run-syncdb",))
    assert not any(warning.startswith("notes has models") for warning in check(site(open_folder), plan=plan).warnings)


def test_two_newest_migrations_are_refused_unless_no_hook_runs_them(check, open_folder):
    two = {f"shop/migrations/0002_{name}.py": LATER for name in ("ours", "theirs")}
    with pytest.raises(VerificationFailed, match="shop has 0002_ours and 0002_theirs") as raised:
        check(site(open_folder, **two))
    assert "makemigrations --merge shop" in raised.value.remedy
    assert check(site(open_folder, **two), plan=WITHOUT).schema


@pytest.mark.parametrize(
    ("broken", "error", "words", "remedy"),
    [
        ("import os\nos.environ['PRICE_KEY']\n", MissingEnvironment, r"0002_x\.py:2 needs .* PRICE_KEY", "--ask PRICE_KEY"),
        ("import nothing_here\n", VerificationFailed, r"ImportError at shop/migrations/0002_x\.py:1", "list it in the"),
        ("x = 1\n", VerificationFailed, "migrations cannot be loaded: BadMigrationError: Migration 0002_x", "Correct it"),
        (
            LATER.replace("0001_initial", "0001_gone"),
            VerificationFailed,
            r"NodeNotFoundError: .*nonexistent parent.*\.gitignore:3 has git ignore them",
            "commit the migrations of shop",
        ),
    ],
    ids=["variable", "package", "no class", "parent that is ignored"],
)  # fmt: skip
def test_migrations_that_cannot_be_loaded_end_the_build(check, open_folder, broken, error, words, remedy):
    with pytest.raises(error, match=words) as raised:
        check(site(open_folder, **{"shop/migrations/0002_x.py": broken}))
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    ("packages", "words"),
    [
        (("notes", "notes/migrations"), r"no migrations: notes. notes/\.gitignore:1 has git ignore them"),
        (("notes",), r"admin need tables of notes, which has models \(User\) but no migrations.*notes/\.gitignore:1"),
    ],
    ids=["an empty package", "no package"],
)
def test_an_app_that_others_build_on_must_have_its_migrations(check, open_folder, packages, words):
    user = "from django.contrib.auth.models import AbstractUser\nclass User(AbstractUser): pass\n"
    code = {"notes/models.py": user, ".gitignore": "", "notes/.gitignore": "0*.py\n"}
    checkout = site(open_folder, packages=packages, settings="AUTH_USER_MODEL = 'notes.User'\n", **code)
    with pytest.raises(VerificationFailed, match=words) as raised:
        check(checkout)
    assert "makemigrations notes" in raised.value.remedy


def test_what_a_project_reports_of_itself_is_bounded_and_leads_out_of_nothing(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / ".gitignore").write_text("migrations/\n")
    report = {"unmigrated": [{"app": 3, "models": [None] * 30, "folder": "../"}, "x"], "conflicts": [1], "unmade": "x"}
    (text,) = migrations.warnings(report, {}, ("migrate",), tmp_path / "project")
    assert ".gitignore" not in text
    assert "and 25 more" in text
    migrations.refuse(report, ("migrate",), tmp_path)
    assert migrations.LastAnswer.read(tmp_path, "x").replaced(report).unmade == {}


def _migration(after, operations):
    return LATER.replace("0001_initial", after).replace(
        'migrations.AddField("Product", "sold", models.BooleanField(default=False))', operations
    )


def test_what_each_migration_takes_from_older_code_is_known_without_a_database(check, open_folder):
    text = "models.CharField(max_length={})"
    steps = {
        "0002_borne": 'migrations.AddField("Product", "sold", models.BooleanField(null=True)), '
        f'migrations.AlterField("Product", "name", {text.format(40)}), '
        'migrations.AlterField("Product", "name", models.CharField(max_length=40, help_text="on the label", null=True))',
        "0003_filled": 'migrations.AddField("Product", "size", models.IntegerField(default=3))',
        "0004_narrow": f'migrations.AlterField("Product", "name", {text.format(10)})',
        "0005_renamed": 'migrations.RenameField("Product", "name", "title")',
        "0006_rows": "migrations.RunPython(migrations.RunPython.noop)",
        "0007_words": 'migrations.RunSQL("select 1")',
        "0008_apart": 'migrations.SeparateDatabaseAndState([migrations.RemoveField("Product", "size")], [])',
        "0009_gone": 'migrations.DeleteModel("Product")',
    }
    after, files = "0001_initial", {}
    for name, operations in steps.items():
        files[f"shop/migrations/{name}.py"] = _migration(after, operations)
        after = name
    found = check(site(open_folder, **files, **{"shop/models.py": ""})).history
    kinds = {name: [kind for kind, _ in harms] for name, harms in found.items() if name.startswith("shop.")}
    assert kinds == {
        "shop.0001_initial": [],
        "shop.0002_borne": [],
        "shop.0003_filled": ["breaks"],
        "shop.0004_narrow": ["breaks"],
        "shop.0005_renamed": ["breaks"],
        "shop.0006_rows": ["rows"],
        "shop.0007_words": ["unknown"],
        "shop.0008_apart": ["loses"],
        "shop.0009_gone": ["loses"],
    }
    assert found["shop.0009_gone"] == [("loses", "Delete model Product")]
    assert check(site(open_folder, **files, **{"shop/models.py": ""})).history.keys() == found.keys(), "it is kept"
