"""Defaults, then tutor.toml, then TUTOR_*, then flags; and what is said of a setting that cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from index_store.errors import SettingsError
from tutor.settings import Settings, load_settings

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def fault(**flags):
    with pytest.raises(SettingsError) as refused:
        load_settings(**flags)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def toml(text):
    Path("tutor.toml").write_text(text, "utf-8")


def test_each_source_of_settings_beats_the_one_before_it(monkeypatch):
    assert load_settings().passages == 4
    toml("passages = 5")
    assert load_settings().passages == 5
    monkeypatch.setenv("TUTOR_PASSAGES", "6")
    assert load_settings().passages == 6
    assert load_settings(passages=7).passages == 7
    assert load_settings(passages=None).passages == 6  # a flag that was not given


def test_each_setting_comes_from_the_last_source_that_names_it(monkeypatch):
    toml('model = "from-toml"\npassages = 5\nport = 8001')
    monkeypatch.setenv("TUTOR_PASSAGES", "6")
    monkeypatch.setenv("TUTOR_API_KEY", "key")
    settings = load_settings(port=8002)
    assert (settings.model, settings.passages, settings.port, settings.api_key) == ("from-toml", 6, 8002, "key")


def test_flags_of_the_command_line_beat_the_environment_and_the_file(tutor, tmp_path):
    toml(f'home = "{tmp_path / "toml"}"')
    env = {"TUTOR_HOME": str(tmp_path / "env")}
    assert f"No courses in {tmp_path / 'toml'} yet" in tutor("courses").out
    assert f"No courses in {tmp_path / 'env'} yet" in tutor("courses", env=env).out
    assert f"No courses in {tmp_path / 'flag'} yet" in tutor("courses", "--home", tmp_path / "flag", env=env).out


@pytest.mark.parametrize(
    ("wrong", "near"), [("modle", "model"), ("passage", "passages"), ("max_tokens", "max_new_tokens"), ("prot", "port")]
)
def test_an_unknown_key_names_the_nearest_setting(wrong, near, tutor):
    toml(f'{wrong} = "3"')
    result = tutor("courses")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"tutor: tutor.toml: unknown setting {wrong!r}; did you mean {near!r}?\n"


def test_an_unknown_key_near_to_nothing_lists_what_there_is():
    toml("zzz = 1")
    message = fault()
    for name in Settings.model_fields:
        assert name in message


def test_several_faults_are_told_at_once(monkeypatch):
    toml('modle = "x"\nport = 70000')
    monkeypatch.setenv("TUTOR_PASSAGES", "many")
    message = fault(style="poetry")
    for part in ("'modle'", "'port' is 70000", "'passages' is 'many'", "'style' is 'poetry'"):
        assert part in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("passages", 0),
        ("passages", 21),
        ("max_new_tokens", 15),
        ("evidence", 1.5),
        ("context_window", -1),
        ("port", 0),
        ("port", 65536),
        ("answer_seconds", 0),
        ("questions_per_minute", -1),
        ("root_path", "tutor"),
        ("root_path", "/tutor/"),
        ("root_path", "/"),
        ("root_path", '/"><script>'),
        ("trusted_proxy", "*"),
        ("trusted_proxy", "proxy.example.edu"),
        ("trusted_proxy", "127.0.0.1 10.0.0.1"),
        ("model", ""),
        ("style", "Quote"),
    ],
)
def test_a_value_out_of_range_is_named_with_the_places_to_mend_it(name, value):
    message = fault(**{name: value})
    assert message.startswith(f"setting {name!r} is {value!r}: ")
    assert f"TUTOR_{name.upper()}" in message
    assert "tutor.toml" in message


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("passages", "many", "not a whole number"),
        ("port", "7.5", "not a whole number"),
        ("max_new_tokens", 3.5, "not a whole number"),
        ("evidence", "some", "not a number"),
        ("passages", 21, "at most 20 is allowed"),
        ("passages", 0, "at least 1 is needed"),
        ("style", "Quote", "not one of 'auto', 'quote' or 'explain'"),
        ("model", "", "empty"),
        ("root_path", "tutor", "not a path such as /tutor"),
        ("trusted_proxy", "127.0.0.1, *", "'*' is no ip address or network"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_plain_words(name, value, said):
    assert fault(**{name: value}).startswith(f"setting {name!r} is {value!r}: {said}. Mend it in tutor.toml, ")


@pytest.mark.parametrize("text", ["passages = ", "= 3", "[passages", "passages = 3\npassages = 4", 'home = "'])
def test_a_file_that_is_no_toml_is_told_in_one_line(text, tutor):
    toml(text)
    result = tutor("courses")
    assert result.code == 2
    assert result.err.startswith("tutor: tutor.toml: not valid TOML: ")
    assert result.err.count("\n") == 1


def test_a_file_in_another_encoding_is_told_in_one_line(tutor):
    Path("tutor.toml").write_bytes('home = "Übung"'.encode("latin-1"))
    result = tutor("courses")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("tutor: tutor.toml: not valid TOML: ")


def test_a_home_is_absolute_and_a_tilde_is_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    toml('home = "~/courses"')
    assert load_settings().home == tmp_path / "courses"
    assert load_settings(home="here").home == tmp_path / "cwd" / "here"


def test_a_home_that_is_a_file_is_refused(tmp_path, tutor):
    (tmp_path / "file").write_text("")
    for command in (["courses"], ["ingest", tmp_path, "--course", "x"], ["doctor"]):
        result = tutor(*command, "--home", tmp_path / "file")
        assert result.code == 2
        assert result.told[0].startswith("tutor: setting 'home' is ")
        assert "not a folder" in result.err


def test_the_example_in_the_readme_is_read_and_its_defaults_are_the_real_ones():
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    toml(block)
    settings = load_settings()
    assert (str(settings.home), settings.passages, settings.max_new_tokens, settings.evidence) == ("/srv/tutor", 6, 500, 0.5)
    toml("")
    defaults = load_settings()
    stated = dict(re.findall(r"^(\w+) = .*# .*\((\d+)\)$", block, re.M))
    assert stated == {"passages": str(defaults.passages), "max_new_tokens": str(defaults.max_new_tokens)}
    assert (defaults.port, defaults.style, defaults.evidence, defaults.host) == (7860, "auto", None, "127.0.0.1")


def test_a_home_that_is_not_named_is_the_users_data_folder(tmp_path):
    import platformdirs

    assert load_settings().home == platformdirs.user_data_path("course-tutor")


def test_a_proxy_is_named_by_addresses_or_networks():
    for named in ("", "127.0.0.1", "10.0.0.0/8, ::1"):
        assert load_settings(trusted_proxy=named).trusted_proxy == named
    for path in ("", "/tutor", "/courses/tutor-1"):
        assert load_settings(root_path=path).root_path == path
