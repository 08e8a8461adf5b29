"""Real mistakes of projects: each becomes an error that names its cause."""

import pytest

from dz.errors import MissingEnvironment, MissingLibrary, StaticFilesFailed, VerificationFailed
from tests.integration.django_projects import make_project


def test_an_import_error_in_settings_is_named_with_file_and_line(check, open_folder):
    checkout = make_project(open_folder / "src", "import not_there_at_all\n")
    line = len((open_folder / "src/site1/settings.py").read_text().splitlines())
    with pytest.raises(VerificationFailed) as caught:
        check(checkout)
    assert "not_there_at_all" in caught.value.found
    assert f"site1/settings.py:{line}" in caught.value.found
    assert "Traceback" not in str(caught.value)


def test_an_import_error_in_the_wsgi_module_is_named(check, open_folder):
    with pytest.raises(VerificationFailed, match=r"ImportError at site1/wsgi.py:1.*gone"):
        check(make_project(open_folder / "src", **{"site1/wsgi.py": "import gone\n"}))


def test_a_syntax_error_is_named_with_file_and_line(check, open_folder):
    with pytest.raises(VerificationFailed, match=r"site1/urls.py:2 is not valid"):
        check(make_project(open_folder / "src", **{"site1/urls.py": "a = 1\nb = = 2\n"}))


@pytest.mark.parametrize(
    "code",
    [
        'import os\nX = os.environ["PAYMENT_TOKEN"]\n',
        'from django.core.exceptions import ImproperlyConfigured as E\nraise E("Set the PAYMENT_TOKEN environment variable")\n',
        'raise ValueError("PAYMENT_TOKEN not found. Declare it as envvar or define a default value.")\n',
    ],
)
def test_a_missing_environment_variable_is_named_with_how_to_set_it(check, open_folder, code):
    checkout = make_project(open_folder / "src", code)
    with pytest.raises(MissingEnvironment) as caught:
        check(checkout)
    assert "PAYMENT_TOKEN" in caught.value.found
    assert "--ask PAYMENT_TOKEN" in caught.value.remedy


def test_a_failed_system_check_is_shown(check, open_folder):
    with pytest.raises(VerificationFailed, match=r"admin\.E408|SessionMiddleware"):
        check(make_project(open_folder / "src", "MIDDLEWARE = MIDDLEWARE[1:]\n"))


def test_geodjango_without_its_libraries_is_the_operators_matter(check, open_folder):
    code = 'from django.core.exceptions import ImproperlyConfigured as E\nraise E("Could not find the GDAL library")\n'
    with pytest.raises(MissingLibrary, match="GDAL"):
        check(make_project(open_folder / "src", code))


def test_static_files_that_cannot_be_collected_are_a_clear_error(check, open_folder):
    finder = """
        from django.contrib.staticfiles.finders import BaseFinder
        class Finder(BaseFinder):
            def check(self, **options):
                return []
            def list(self, patterns):
                raise OSError("no such bucket")
    """
    code = 'STATICFILES_FINDERS = ["site1.finder.Finder"]\n'
    with pytest.raises(StaticFilesFailed, match=r"site1/finder.py:7: OSError: no such bucket"):
        check(make_project(open_folder / "src", code, **{"site1/finder.py": finder}))
