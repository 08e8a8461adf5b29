"""Fills a new zoomdb with projects that only exist there, as a platform in use would have them."""

import json

from sqlalchemy import text

from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.configuration.plan import Plan
from dz.zoomdb import Zoomdb

APPSERVERS, PROXIES = 90, 8
LOG_LINES = 20
_MANIFEST = Manifest(
    sysid="p00000001",
    name="",
    commit="0" * 40,
    layers=(),
    plan=Plan(
        title="Site",
        source_code_url="https://git.example/site",
        project_root=".",
        django_settings_module="site.settings",
        base_python_package="site",
        wsgi="site.wsgi:application",
        asgi=None,
        use_asgi=False,
        python_version=None,
        python_version_basis="",
        package_manager="pip",
        dependency_files=("requirements.txt",),
    ),
    python="3.11",
    python_full="3.11.2",
    platform="linux-x86_64",
    virtualenv_key="",
    django="5.2",
    database_type="postgresql",
    static_url="/static/",
    media_url=None,
).to_json()
_ROWS = (
    """insert into server (name, role, address, capacity, enabled, heartbeat, instances, facts,
                           cpu_percent, memory_percent, disk_percent)
       select role || '-' || number, role, '127.0.0.1', :capacity, true, now(), 0, '{}', 10, 20, 30
       from (values ('appserver', :appservers), ('proxy', :proxies), ('build', 1), ('database', 1)) as found (role, count),
            generate_series(1, count) as number""",
    """insert into project (name, title, source_url)
       select 'site-' || number, 'Site ' || number, 'https://git.example/site-' || number
       from generate_series(1, :projects) as number""",
    """insert into bundle (project_id, name, commit, commit_message, config, manifest, uploaded)
       select id, 'bundle-' || number, md5(id::text || number), 'A change', '',
              cast(:manifest as jsonb) || jsonb_build_object('name', 'bundle-' || number, 'layers', jsonb_build_array(
                  jsonb_build_object('kind', 'environment', 'sha256', md5('e' || id), 'size', 40000000),
                  jsonb_build_object('kind', 'code', 'sha256', md5('c' || id || number), 'size', 30000))), now()
       from project, generate_series(1, 3) as number""",
    """insert into release (project_id, number, bundle_id, environment, hooks_done, published)
       select project_id, right(name, 1)::int, id, '', now(), now() from bundle""",
    """insert into deployment (release_id, server_id, port, state)
       select release.id, server.id, 20000 + 1000 * release.number + (release.project_id / :appservers)::int,
              case release.number when 3 then 'serving' when 2 then 'draining' else 'stopped' end
       from release join server on server.name = 'appserver-' || (release.project_id % :appservers + 1)""",
    """update project set current_release_id = release.id from release
       where release.project_id = project.id and release.number = 3""",
    """insert into virtual_host (project_id, name) select id, name || '.example.org' from project""",
    """insert into site_port (server_id, virtual_host_id, port)
       select server.id, virtual_host.id, virtual_host.id from virtual_host, server where server.name = 'proxy-1'""",
    # The project that is deployed gets no variables, because these could not be decrypted.
    """insert into env_var (project_id, name, value, secret)
       select id, 'NAME', '', true from project where name <> 'site-5'""",
    """insert into database (project_id, server_id, host, port, name, "user", password)
       select project.id, server.id, '127.0.0.1', 5432, 'd' || project.id, 'u' || project.id, ''
       from project, server where server.role = 'database'""",
    """insert into job (kind, project_id, params, state, flow_run_id, requested_by, started, ended, result)
       select 'build_and_deploy', id, '{}', 'succeeded', md5(id || '-' || number), 'cli:bench', now(), now(), '{}'
       from project, generate_series(1, 3) as number""",
    """insert into job_log (job_id, type, step, message)
       select id, 'step_end', 'a step', '0.50' from job, generate_series(1, :lines)""",
    """insert into config_guess (job_id, field, value, basis, is_primary, proof)
       select id, 'title', '"Site"', 'settings.py:1', true, 'read' from job, generate_series(1, 5)""",
    "insert into child (flow_run_id, job_id, server) select 'r' || id, id, 'appserver-1' from job",
    """insert into observation (project_id, server_id, seen, wrong)
       select project.id, server.id, now(), '' from project, server where server.role = 'proxy'""",
    "insert into child_failure (flow_run_id, code, found, remedy) select 'x' || id, 'Crashed', '', '' from project",
    "analyze",
)


def fill(zoomdb: Zoomdb, projects: int) -> None:
    """Migrate zoomdb and write `projects` projects: three versions, two app instances, jobs with logs; 100 servers."""
    zoomdb.migrate()
    capacity = max(100, 4 * projects // APPSERVERS)
    values = {"projects": projects, "capacity": capacity, "lines": LOG_LINES, "manifest": json.dumps(_MANIFEST)}
    with zoomdb.session() as session:
        for statement in _ROWS:
            session.execute(text(statement), {**values, "appservers": APPSERVERS, "proxies": PROXIES})


def beat(zoomdb: Zoomdb) -> None:
    """Give every server a fresh heartbeat."""
    with zoomdb.session() as session:
        session.execute(text("update server set heartbeat = now()"))
