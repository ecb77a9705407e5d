"""nginx from Debian's package, beside the system: it needs no root. What it serves are plain files."""

import shutil
import subprocess
from pathlib import Path

PACKAGE = "nginx"
CONFIGURATION = """
daemon off; master_process on; worker_processes {processes}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:@PORT@; root {root}; default_type application/octet-stream; }}
}}
"""


def installed(folder: Path) -> Path | None:
    """Return the program, None where it cannot be had."""
    program = folder / "usr/sbin/nginx"
    if program.exists():
        return program
    if shutil.which("nginx") is not None:
        return Path(str(shutil.which("nginx")))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True, capture_output=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", str(package), str(folder)], check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return program if program.exists() else None


def version(program: Path) -> str:
    told = subprocess.run([str(program), "-v"], capture_output=True, text=True, check=True)
    return told.stderr.strip().rpartition("/")[2]


def command(program: Path, folder: Path, root: Path, processes: int) -> list[str]:
    """Write the configuration, and return what starts it at PORT."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "nginx.conf"
    file.with_suffix(".in").write_text(CONFIGURATION.format(folder=folder, root=root, processes=processes))
    script = 'sed "s/@PORT@/$PORT/" "$2.in" >"$2.conf" && exec "$1" -p "$3" -c "$2.conf"'
    return ["sh", "-c", script, "nginx", str(program), str(file.with_suffix("")), str(folder)]
