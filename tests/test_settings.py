"""Settings: which source wins, and what is said about a mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from safelight.contract.errors import ConfigurationError
from safelight.settings import Settings, file_models, local_url, origins, read_settings
from safelight.settings.sound import sound_settings
from safelight.settings.sources import File, read_toml


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SAFELIGHT_") or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAFELIGHT_HOME", str(tmp_path / "home"))


def write_file(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "safelight.toml"
    path.write_text(text)
    return path


def test_the_defaults_serve_the_bundled_model_on_this_machine_only() -> None:
    settings = read_settings()
    assert settings.url == "http://127.0.0.1:8484"
    assert {name: model.source for name, model in settings.models.items()} == {
        "stable-image-ultra": "postcard",
        "postcard": "postcard",
    }
    assert settings.models["stable-image-ultra"].aliases == ("stability-image-ultra",)
    assert settings.cors_origins == ()


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path, "port = 1\nworkers = 2\nthreads = 3\n")
    monkeypatch.setenv("SAFELIGHT_PORT", "4")
    monkeypatch.setenv("SAFELIGHT_WORKERS", "5")
    said = {"port": 6}
    settings = read_settings(said)
    assert (settings.port, settings.workers, settings.threads, settings.max_runs) == (6, 5, 3, 8)
    came_from = origins(said)
    assert came_from["port"] == "command line"
    assert came_from["workers"] == "environment (SAFELIGHT_WORKERS)"
    assert came_from["threads"] == f"file ({path.name})"
    assert came_from["max_runs"] == "default"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().port = 1


def test_port_is_honoured_as_platforms_set_it_but_weaker_than_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "5000")
    assert read_settings().port == 5000
    assert origins()["port"] == "environment (PORT)"
    monkeypatch.setenv("SAFELIGHT_PORT", "6000")
    assert read_settings().port == 6000


def test_what_kubernetes_says_of_a_service_called_safelight_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_PORT", "tcp://10.0.0.1:8484")
    monkeypatch.setenv("SAFELIGHT_PORT_8484_TCP_ADDR", "10.0.0.1")
    monkeypatch.setenv("SAFELIGHT_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("SAFELIGHT_SERVICE_PORT_HTTP", "8484")
    monkeypatch.setenv("SAFELIGHT_HEAD_SVC_SERVICE_HOST", "10.0.0.2")
    monkeypatch.setenv("SAFELIGHT_HEAD_SVC_PORT", "tcp://10.0.0.2:6379")
    assert read_settings().port == 8484
    monkeypatch.setenv("PORT", "5000")
    assert read_settings().port == 5000
    assert origins()["port"] == "environment (PORT)"


def test_a_variable_that_only_ends_like_kubernetes_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_HEAD_PORT", "6379")
    with pytest.raises(ConfigurationError, match="SAFELIGHT_HEAD_PORT, which is no setting"):
        read_settings()


_HOSTS = '[hosts.l40s]\nmost = 16\n[hosts.cpu]\ngpus = 0\ncpus = 4\nleast = 2\nengine = "fake"\n'


def test_hosts_are_read_by_kind_and_there_are_as_many_as_the_least_unless_more_may_be(tmp_path: Path) -> None:
    write_file(tmp_path, 'engine = "ray"\n' + _HOSTS)
    hosts = read_settings().hosts
    assert [(kind, host.gpus, host.least, host.most, host.engine) for kind, host in hosts.items()] == [
        ("l40s", 1.0, 1, 16, "local"),
        ("cpu", 0.0, 2, 2, "fake"),
    ]


@pytest.mark.parametrize(("files", "fits"), [("", False), ('files = "/srv"\n', False), ('files = "s3://b"\n', True)])
def test_a_shared_database_and_a_folder_are_not_enough_for_a_cluster(tmp_path: Path, files: str, fits: bool) -> None:
    """One api process may have SQLite and a folder: hosts see neither."""
    write_file(tmp_path, 'engine = "ray"\n' + files + _HOSTS)
    assert read_settings().engine == "ray"
    write_file(tmp_path, 'engine = "ray"\ndatabase = "postgresql://db/safelight"\n' + files + _HOSTS)
    if fits:
        assert read_settings().engine == "ray"
        return
    with pytest.raises(ConfigurationError, match="must find the pictures; set `files` to an object store"):
        read_settings()


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_API_KEY", "")
    monkeypatch.setenv("PORT", "")
    assert read_settings().api_key is None
    assert read_settings().port == 8484


def test_an_unknown_variable_is_an_error_that_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_QUEUE_SECOND", "5")
    with pytest.raises(ConfigurationError, match=r"SAFELIGHT_QUEUE_SECOND.*Did you mean SAFELIGHT_QUEUE_SECONDS\?"):
        read_settings()


def test_an_unknown_key_in_the_file_is_an_error_that_names_the_nearest_and_the_file(tmp_path: Path) -> None:
    write_file(tmp_path, "prot = 1\n")
    with pytest.raises(ConfigurationError, match=r"`prot` in safelight.toml\. Did you mean port\?"):
        read_settings()


def test_an_unknown_key_of_a_model_is_named_with_its_table(tmp_path: Path) -> None:
    write_file(tmp_path, '[models.mine]\nsource = "x"\nguidance = 3\n')
    with pytest.raises(ConfigurationError, match=r"`models\.mine\.guidance`.*Did you mean guidance_scale\?"):
        read_settings()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SAFELIGHT_PORT", "65536", r"`port` from the environment \(SAFELIGHT_PORT\).*65535; got '65536'"),
        ("SAFELIGHT_PORT", "http", r"`port`.*got 'http'"),
        ("PORT", "-1", r"`port` from the environment \(PORT\)"),
        ("SAFELIGHT_ENGINE", "cloud", r"`engine`.*'local', 'ray' or 'fake'"),
        ("SAFELIGHT_ENGINE", "ray", r"`hosts`: `engine` is \"ray\", and no table says what draws; write \[hosts"),
        ("SAFELIGHT_HOSTS", '{"L40S": {}}', r"`hosts`.*'L40S' is no name of a kind; take a-z"),
        ("SAFELIGHT_HOSTS", '{"a": {"least": 3, "most": 2}}', r"`hosts\.a`.*`most` is 2, fewer than `least`"),
        ("SAFELIGHT_HOSTS", '{"a": {"gpus": 0, "accelerator_type": "T4"}}', r"`hosts\.a`.*`gpus` is 0; leave one"),
        ("SAFELIGHT_HOSTS", '{"a": {"gpus": 2}}', r"`hosts\.a\.gpus`.*less than or equal to 1"),
        ("SAFELIGHT_HOSTS", '{"a": {"queue_target": 2}}', r"`hosts\.a\.queue_target`.*mean queue_target_seconds\?"),
        ("SAFELIGHT_QUEUE_SECONDS", "0", r"`queue_seconds`.*greater than 0"),
        ("SAFELIGHT_CORS_ORIGINS", "http://a.org/page", r"`cors_origins`.*no origin"),
        ("SAFELIGHT_MODELS", "{", r"SAFELIGHT_MODELS is not valid JSON"),
        ("SAFELIGHT_MODELS", "{}", r"`models` from the environment \(SAFELIGHT_MODELS\): offers nothing"),
        ("SAFELIGHT_PUBLIC_URL", "images.example.org", r"`public_url`.*write an address like https://"),
        ("SAFELIGHT_GROUP_QUOTAS", '{"a group": {}}', r"`group_quotas`.*'a group' is no name of a group"),
        ("SAFELIGHT_TRUSTED_PROXIES", "10.0.0.7, proxy", r"`trusted_proxies`.*'proxy' is no address and no network"),
        ("SAFELIGHT_ALLOWED_HOSTS", "http://a.org", r"`allowed_hosts`.*'http://a.org' is no name of a host"),
        ("SAFELIGHT_MODELS", "[]", r"`models`.*dictionary"),
        ("SAFELIGHT_MODELS", '{"a": {"source": "x"}, "b": {"source": "x", "aliases": ["a"]}}', r"name 'a' twice"),
    ],
)
def test_a_value_out_of_range_is_an_error_that_says_where_and_what_is_allowed(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=said):
        read_settings()


def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_API_KEY", "my secret")
    with pytest.raises(ConfigurationError) as caught:
        read_settings()
    assert "`api_key`" in str(caught.value)
    assert "my secret" not in str(caught.value)


def test_the_key_does_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_API_KEY", "hunter2")
    settings = read_settings()
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_origins_in_the_environment_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_CORS_ORIGINS", "https://a.org, http://localhost:3000,")
    assert read_settings().cors_origins == ("https://a.org", "http://localhost:3000")


def test_a_models_table_is_the_whole_list_and_keeps_the_built_in_alias(tmp_path: Path) -> None:
    write_file(tmp_path, '[models.stable-image-ultra]\nsource = "/models/sdxl"\nsteps = 20\n')
    settings = read_settings()
    assert list(settings.models) == ["stable-image-ultra"]
    assert settings.models["stable-image-ultra"].aliases == ("stability-image-ultra",)
    assert settings.models["stable-image-ultra"].steps == 20


def test_the_file_is_the_named_one_else_here_else_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(tmp_path / "home", "port = 3\n")
    assert read_settings().port == 3
    write_file(tmp_path, "port = 2\n")
    assert read_settings().port == 2
    named = tmp_path / "other.toml"
    named.write_text("port = 1\n")
    monkeypatch.setenv("SAFELIGHT_CONFIG", str(named))
    assert read_settings().port == 1


def test_the_state_folder_of_the_command_line_is_where_the_file_is_looked_for(tmp_path: Path) -> None:
    write_file(tmp_path / "elsewhere", "port = 7\n")
    assert read_settings({"home": tmp_path / "elsewhere"}).port == 7


def test_a_named_file_that_is_missing_or_broken_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(ConfigurationError, match="no such file"):
        read_settings()
    (tmp_path / "missing.toml").write_text("port = ")
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        read_settings()


def test_the_state_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_HOME", "~/state")
    assert read_settings().home == Path.home() / "state"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("::1", "http://[::1]:1"),
        ("box.local", "http://box.local:1"),
    ],
)
def test_a_client_on_this_machine_can_use_the_url(host: str, url: str) -> None:
    assert local_url(host, 1) == url


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_weights_in_fewer_bits_are_a_name_a_table_or_a_list_of_tables(tmp_path: Path) -> None:
    given = ['"int8"', '{ backend = "quanto" }', '[{ backend = "quanto" }, { backend = "torchao" }]']
    write_file(
        tmp_path,
        "".join(f'[models.{n}]\nsource = "x"\noptions.quantization = {q}\n' for n, q in zip("abc", given, strict=True)),
    )
    found = {
        name: [table.backend for table in model.options.quantization] for name, model in read_settings().models.items()
    }
    assert found == {"a": ["torchao"], "b": ["quanto"], "c": ["quanto", "torchao"]}
    assert list(file_models()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('quantization = "int3"', "the names are int8"),
        ("arguments.prompt = 'a boat'", "prompt is decided by each request"),
        ('fixed_sizes = ["64x64", "64x64"]', "a size is named twice"),
        ('fixed_sizes = ["64x64", "64x72", "64x80", "64x88", "64x96"]', "at most 4"),
        ('fixed_sizes = "64x64"', "fixed_sizes"),
        *((f'fixed_sizes = ["{size}"]', "fixed_sizes") for size in ("64", "64x", "0x64", "64X64")),
    ],
)
def test_an_option_that_cannot_be_had_is_refused(tmp_path: Path, options: str, said: str) -> None:
    write_file(tmp_path, f'[models.a]\nsource = "x"\noptions.{options}\n')
    with pytest.raises(ConfigurationError, match=said):
        read_settings()


def test_arguments_for_the_pipeline_are_passed_through(tmp_path: Path) -> None:
    write_file(tmp_path, '[models.a]\nsource = "x"\noptions.arguments.eta = 0.5\n')
    assert read_settings().models["a"].options.arguments == {"eta": 0.5}


def test_sizes_that_have_graphs_of_their_own_are_a_list(tmp_path: Path) -> None:
    write_file(tmp_path, '[models.a]\nsource = "x"\noptions.fixed_sizes = ["64x64", "64x96"]\n')
    assert read_settings().models["a"].options.fixed_sizes == ("64x64", "64x96")


def test_numbers_of_workers_and_threads_are_said_or_measured() -> None:
    said, measured = read_settings({"workers": 3, "threads": 2}), read_settings()
    assert (said.least_workers, said.most_threads) == (3, 2)
    assert (measured.least_workers, measured.most_threads) == (1, 0)


def test_a_user_without_a_home_folder_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAFELIGHT_HOME")
    for variable in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it is for a user that the system does not know
    with pytest.raises(ConfigurationError, match="no home folder"):
        read_settings()


def test_a_file_that_cannot_be_read_is_an_error_with_the_reason(tmp_path: Path) -> None:
    path = write_file(tmp_path, "port = 1\n")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_toml(path.parent)


def test_a_file_here_is_left_alone_where_others_can_write_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(tmp_path, "port = 1\n").chmod(0o666)
    assert read_settings().port == 8484
    assert "is not read: other users can write" in capsys.readouterr().err


def test_the_file_gives_its_fields_whole_and_none_by_itself() -> None:
    name = "port"
    assert File(Settings).get_field_value(Settings.model_fields[name], name) == (None, name, False)


def test_where_files_have_no_modes_the_file_here_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path, "port = 1\n").chmod(0o666)
    monkeypatch.delattr(os, "getuid")  # as on Windows
    assert read_settings().port == 1


def test_hosts_and_origins_are_listed_or_everything_is_allowed() -> None:
    settings = read_settings({"allowed_hosts": "*.Example.org, *", "cors_origins": "https://a.org,*"})
    assert settings.allowed_hosts == ("*.example.org", "*")
    assert settings.cors_origins == ("https://a.org", "*")


def test_a_chat_server_is_read_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIR_KEY", "sk-1")
    home = {"url": "http://127.0.0.1:11434/v1", "models": ["small"]}
    chat = read_settings({"chat": {"home": home, "far": home | {"models": ["big"], "key_env": "THEIR_KEY"}}}).chat
    assert (chat["home"].secret(), chat["far"].secret()) == (None, "sk-1")
    monkeypatch.delenv("THEIR_KEY")
    with pytest.raises(ConfigurationError, match="THEIR_KEY, which is not set"):
        chat["far"].secret()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "127.0.0.1:11434"}, "write an address like"),
        ({"url": "https://me:secret@host/v1"}, "write an address like"),
        ({"key": "a", "key_env": "B"}, "give `key` or `key_env`, not both"),
        ({"models": []}, "at least 1"),
    ],
)
def test_a_chat_server_that_is_wrong_is_said(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_settings({"chat": {"home": {"url": "http://h/v1", "models": ["small"]} | wrong}})
    assert "secret" not in str(refused.value)


def test_a_chat_model_stands_in_one_server() -> None:
    home = {"url": "http://h/v1", "models": ["small"]}
    with pytest.raises(ConfigurationError, match="'small' stands in 'home' and in 'far'"):
        read_settings({"chat": {"home": home, "far": home}})


@pytest.mark.parametrize("wrong", [{"database": "secret://x"}, {"api_key": "a secret"}], ids=["database", "api_key"])
def test_no_message_repeats_what_may_hold_a_secret(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_settings(wrong)
    assert "secret" not in str(refused.value)


def test_an_id_with_a_base_shares_what_belongs_to_its_weights() -> None:
    models = {
        "big": {"source": "/models/big", "dtype": "float16", "pinned": True},
        "ink": {"base": "big", "steps": 9, "loras": {"ink": 0.8}},
    }
    loras = {"ink": {"file": "/models/ink.safetensors", "base": ["big"]}}
    ink = read_settings({"models": models, "loras": loras}).models["ink"]
    assert (ink.source, ink.dtype, ink.pinned, ink.base) == ("/models/big", "float16", True, None)
    assert (ink.steps, ink.loras) == (9, {"ink": 0.8})


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"a": {}}, "give `source` or `base`, one of the two"),
        ({"a": {"source": "x", "base": "b"}, "b": {"source": "y"}}, "give `source` or `base`, one of the two"),
        (
            {"a": {"base": "b", "pinned": True}, "b": {"source": "y"}},
            "`pinned` is that of its `base`; leave it out here",
        ),
        (
            {"a": {"base": "b"}, "c": {"source": "y"}},
            "has no model 'b' with a source, for the `base` of a; there are: c",
        ),
        ({"a": {"base": "b"}, "b": {"base": "c"}, "c": {"source": "y"}}, "has no model 'b' with a source"),
        (
            {"a": {"source": "x", "loras": {"wash": 1}}},
            r"has no 'wash', which `models\.a\.loras` names; there are: ink",
        ),
        ({"c": {"source": "x"}}, "has 'a' as a base of ink, which is no id of a model here"),
    ],
)
def test_models_and_loras_that_do_not_fit_together_are_said(models: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_settings({"models": models, "loras": {"ink": {"file": "/models/ink.safetensors", "base": ["a"]}}})


def test_a_lora_that_a_model_names_where_there_are_none_is_said() -> None:
    with pytest.raises(ConfigurationError, match="there are: none"):
        read_settings({"models": {"a": {"source": "x", "loras": {"wash": 1}}}})


def test_a_lora_has_a_name_that_a_request_can_say() -> None:
    with pytest.raises(ConfigurationError, match="'my ink' is no name of a LoRA; take letters, digits"):
        read_settings({"loras": {"my ink": {"file": "x.safetensors", "base": ["postcard"]}}})


def test_a_database_is_a_postgresql_or_the_state_folder_has_one() -> None:
    assert read_settings().database_url is None
    assert read_settings({"database": "postgresql://me@db:5432/name"}).database_url == "postgresql://me@db:5432/name"


def test_a_classifier_refuses_by_labels_and_scores() -> None:
    given = read_settings({"image_classifier": {"source": "acme/nsfw"}}).image_classifier
    assert given is not None
    assert given.refuse == {"nsfw": 0.5}
    for wrong in ({}, {"nsfw": 0}, {"nsfw": 1.5}):
        with pytest.raises(ConfigurationError, match="refuse"):
            read_settings({"image_classifier": {"source": "acme/nsfw", "refuse": wrong}})


@pytest.mark.parametrize("embeddings", [{}, {"mine": {"source": "/models/encoder"}}, "off"])
def test_sentence_encoders_are_listed_or_off(embeddings: object) -> None:
    said = read_settings({"embeddings": embeddings}).embeddings
    assert (said if said == "off" else {name: {"source": each.source} for name, each in said.items()}) == embeddings


def test_a_sentence_encoder_has_an_id_that_a_request_can_say() -> None:
    with pytest.raises(ConfigurationError, match="'my own' is no id of a model; take letters, digits"):
        read_settings({"embeddings": {"my own": {"source": "x"}}})


def test_groups_may_have_quotas() -> None:
    settings = read_settings({"group_quotas": {"team": {"pictures_per_day": 5}, "night.shift": {}}})
    assert settings.group_quotas == {"team": {"pictures_per_day": 5.0}, "night.shift": {}}


def test_what_is_right_is_read_beside_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    write_file(home, 'port = 1\nworkers = "many"\nthreads = 3\nno_such = 1\n')
    monkeypatch.setenv("SAFELIGHT_MODELS", "{")
    monkeypatch.setenv("SAFELIGHT_PROT", "4")
    monkeypatch.setenv("SAFELIGHT_MAX_RUNS", "0")
    monkeypatch.setenv("PORT", "5")
    found = sound_settings({"log_level": "error"})
    assert (found.home, found.port, found.threads, found.log_level) == (home, 5, 3, "error")
    default = Settings.model_fields
    assert (found.workers, found.max_runs) == (default["workers"].default, default["max_runs"].default)
    assert set(found.models) == {"stable-image-ultra", "postcard"}
    (home / "safelight.toml").write_text("port =")
    assert sound_settings({}).home == home


def test_where_what_is_wrong_is_missing_the_state_folder_is_kept(tmp_path: Path) -> None:
    found = sound_settings({"engine": "ray", "port": 7})
    assert (found.engine, found.port, found.home) == (Settings.model_fields["engine"].default, 8484, tmp_path / "home")
