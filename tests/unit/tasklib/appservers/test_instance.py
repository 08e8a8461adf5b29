import json
from dataclasses import replace

from dz.tasklib.appservers.instance import own_folder, program_name


def test_versions_share_virtualenv_and_uploads_and_nothing_else(instance):
    other = replace(instance, deployment_id=8, manifest=replace(instance.manifest, name="two"))
    assert (other.virtualenv, other.media) == (instance.virtualenv, instance.media)
    assert not {other.bundle, other.own, other.program} & {instance.bundle, instance.own, instance.program}
    for path in (instance.env_file, instance.gunicorn_file, instance.hold, instance.home):
        assert path.parent == instance.own  # which is removed with the app instance
    assert (instance.own, instance.program) == (own_folder(instance.folder, 7), program_name(7))


def test_its_programs_run_in_its_own_virtualenv_with_its_own_variables(instance):
    program, launcher, variables, *words = instance.command("manage", "migrate")
    assert program == str(instance.virtualenv / "bin" / "python")
    assert launcher == str(instance.bundle / "dz" / "dz_run.py")
    assert (variables, words) == (str(instance.env_file), ["manage", "migrate"])


def test_every_variable_but_what_everybody_may_know_is_a_secret(instance):
    public = {"DZ_MEDIA_ROOT": "/m", "DEBUG": "False", "DJANGO_ALLOWED_HOSTS": "*", "CONFIG_PG_HOST": "h"}
    public |= {"DJANGO_SETTINGS_MODULE": "dz_settings", "ALLOWED_HOSTS": "*"}
    secret = {"SECRET_KEY": "1", "DATABASE_URL": "2", "CONFIG_PG_PASSWORD": "3", "MY_DEBUG": "4", "DEBUG_TOKEN": "5"}
    instance.own.mkdir(parents=True)
    instance.env_file.write_text(json.dumps(public | secret))
    assert sorted(instance.secrets()) == ["1", "2", "3", "4", "5"]


def test_a_site_without_a_host_name_is_asked_by_address(instance):
    assert instance.host == "127.0.0.1"
    assert replace(instance, hosts=("a.example.org", "b.example.org")).host == "a.example.org"
