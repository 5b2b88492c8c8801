#!/bin/sh
# Makes the environment in .venv: a venv, uv inside it, and the locked packages.
set -eu

python=${PYTHON:-python3}
venv=${VENV:-.venv}

if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python. Install Python 3.11, 3.12 or 3.13, for example:" >&2
    echo "    apt-get install python3 python3-venv python3-pip" >&2
    exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
    3.11 | 3.12 | 3.13) ;;
    *)
        echo "$python is Python $version; motcua needs 3.11, 3.12 or 3.13." >&2
        echo "Install one and name it: make PYTHON=python3.12 setup" >&2
        exit 1
        ;;
esac
for module in venv ensurepip ssl sqlite3; do
    if ! "$python" -c "import $module" >/dev/null 2>&1; then
        echo "Python's module $module is missing. On Debian and Ubuntu:" >&2
        echo "    apt-get install python$version-venv python3-pip" >&2
        exit 1
    fi
done

echo "Making the environment in $venv (some minutes the first time)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
uv=$(sed -n '/^name = "uv"$/{n;s/version = "\(.*\)"/\1/p;}' uv.lock)
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install "uv==$uv"
# --inexact: uv and pip live in the same environment and stay. Compiled once, Airflow starts faster.
"$venv/bin/uv" sync --locked --inexact --quiet --compile-bytecode
