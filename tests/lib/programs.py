# SPDX-License-Identifier: BSD-3-Clause
"""Debian's programs over a network: how each is served and asked, and by which of the four ways it works. tests/e2e/programs.py tries every cell."""
import contextlib
import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time

import coyonet
import nginxconf

PIPE = subprocess.PIPE
WAYS = ("coyo run", "[tun]", "[forward]", "coyo proxy")
YES = "yes"
NO_PROXY = "it knows no proxy"
DATAGRAMS = "its datagrams are not carried"
DIRECT = "Go calls the kernel past the C library"
PORTS = {"http": 8090, "https": 8443, "iperf3": 5201, "ssh": 2222, "rsync": 8730, "git": 9418, "redis": 6379, "sql": 5432, "mqtt": 1883,
         "dns": 5353, "mosh": 60001, "behind": 8070, "cache": 11211}


class Row:
    """A program: what it needs, what is written beside each way (YES, or why not), whether it belongs to the short part."""

    def __init__(self, try_, name, needs, cells, short):
        self.try_, self.name, self.needs, self.cells, self.short = try_, name, needs, dict(zip(WAYS, cells)), short

    def missing(self):
        """The Debian packages of programs that are not here."""
        return [package for program, package in self.needs if not find(program)]


class Plain:
    """The way of a server that only another server asks."""

    name = ""


PLAIN, ROWS = Plain(), []


def row(name, needs, run=YES, tun=YES, forward=YES, proxy=YES, short=False):
    def take(f):
        ROWS.append(Row(f, name, needs, (run, tun, forward, proxy), short))
        return f
    return take


def find(program):
    """The path of a program, also where no shell looks for it; PostgreSQL has a folder for each version."""
    folders = [os.environ["PATH"], "/usr/sbin", "/sbin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    return shutil.which(program, path=":".join(folders))


def same(got, want, what):
    if got != want:
        raise coyonet.NetError("%s differs: %.200r" % (what, got))


NGINX = nginxconf.template("""    listen {http}; listen [::]:{http};
    listen {https} ssl http2; listen [::]:{https} ssl http2;
    ssl_certificate {dir}/cert; ssl_certificate_key {dir}/cert.key;
""")


def www(bed):
    """Files to be served; the digest of all small ones together."""
    digest = hashlib.sha256()
    if not os.path.isdir(bed.path("www")):
        os.makedirs(bed.path("www"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", bed.path("cert.key"), "-out", bed.path("cert"), "-days", "2",
                        "-subj", "/CN=x"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bed.big = coyonet.make_file(bed.path("www", "big"), bed.size, os.urandom(1 << 20))
        bed.middle = coyonet.make_file(bed.path("www", "middle"), 16 << 20, os.urandom(1 << 20))
        for i in range(bed.files):
            coyonet.make_file(bed.path("www", "s%d" % i), 1000 + i)
        bed.write("www/index.html", "<html><body><p>served by nginx</p></body></html>")
    for i in range(bed.files):
        with open(bed.path("www", "s%d" % i), "rb") as f:
            digest.update(f.read())
    return digest.hexdigest()


def nginx(bed, way):
    conf = bed.write("nginx.conf", NGINX.format(dir=bed.dir, **PORTS))
    return bed.serving(way, ("http", "https"), "nginx", "-c", conf, "-p", bed.dir, "-e", bed.path("nginx.err"))


CURL = (("curl", "curl"), ("nginx", "nginx-light"), ("openssl", "openssl"))


@row("curl, nginx: small files", CURL, short=True)
def curl_small(bed, way):
    digest = www(bed)
    with nginx(bed, way):
        for words in ((), ("-H", "Connection: close"), ("--http2", "-k")):
            scheme = "https" if "-k" in words else "http"
            got = bed.call(way, "curl", "-sSf", *words, "%s/s[0-%d]" % (way.url(scheme), bed.files - 1))
            same(hashlib.sha256(got).hexdigest(), digest, "what came")
        version = bed.call(way, "curl", "-sSf", "-k", "-o", "/dev/null", "-w", "%{http_version}", way.url("https") + "/s0")
        same(version, b"2", "the version of HTTP")
    return "%d small files over one connection, over one each, over HTTP/2 and TLS" % bed.files


@row("curl, nginx: one large file", CURL)
def curl_large(bed, way):
    www(bed)
    with nginx(bed, way):
        got = bed.call(way, "sh", "-c", "curl -sSf %s/big | sha256sum" % way.url("http"), seconds=300)
        same(got.split()[0].decode(), bed.big, "what came")
    return "%d MiB" % (bed.size >> 20)


@row("wrk, nginx reloads", (("wrk", "wrk"), *CURL[1:]), proxy=NO_PROXY)
def wrk(bed, way):
    www(bed)
    with nginx(bed, way) as server:
        load = bed.start(way, "wrk", "-t1", "-c8", "-d2s", way.url("http") + "/s1", stdout=PIPE, stderr=subprocess.STDOUT)
        for _ in range(3):
            time.sleep(0.5)
            os.kill(server.pid, signal.SIGHUP)
        out = load.communicate(timeout=30)[0].decode()
    if load.returncode or "Non-2xx" in out or re.search(r"Socket errors:.*connect [1-9]", out) or not re.search(r"Requests/sec: +[1-9]", out):
        raise coyonet.NetError(out.strip()[-300:])
    return "%s requests/s while nginx reloads" % re.search(r"Requests/sec: +(\d+)", out).group(1)


@row("chromium-headless-shell, nginx", (("chromium-headless-shell", "chromium-headless-shell"), *CURL[1:]))
def chromium(bed, way):
    www(bed)
    words = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + bed.path("chromium"), "--dump-dom"]
    if way.name == "coyo proxy":
        words.append("--proxy-server=socks5://127.0.0.1:1080")
    with nginx(bed, way):
        got = bed.call(way, "chromium-headless-shell", *words, way.url("http") + "/index.html", seconds=60)
    if b"served by nginx" not in got:
        raise coyonet.NetError("it shows %.200r" % got)
    return "shows a page, with --no-sandbox"


HAPROXY = """
global
  stats socket {dir}/haproxy.sock mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout connect 10s
  timeout client 20s
  timeout server 20s
  option splice-auto
  option tcpka
  option tcp-smart-accept
frontend in
  bind :::{http} v4v6 defer-accept tfo
  bind :::{https} v4v6
  default_backend files
backend files
  server own 127.0.0.1:{behind}
"""


@row("curl, haproxy before nginx", (("haproxy", "haproxy"), *CURL))
def haproxy(bed, way):
    """It splices, and takes its listeners' descriptors over from the one before it when it reloads."""
    www(bed)
    conf = bed.write("haproxy.conf", HAPROXY.format(dir=bed.dir, **PORTS))
    files = bed.write("files.conf", NGINX.format(dir=bed.dir, http=PORTS["behind"], https=PORTS["behind"] + 1))
    with bed.serving(PLAIN, ("behind",), "nginx", "-c", files, "-p", bed.dir, "-e", bed.path("nginx.err")), \
            bed.serving(way, ("http", "https"), "haproxy", "-W", "-db", "-f", conf) as server:
        for _ in range(3):
            got = bed.call(way, "sh", "-c", "curl -sSf %s/middle | sha256sum" % way.url("http"), seconds=60)
            same(got.split()[0].decode(), bed.middle, "what came")
            os.kill(server.pid, signal.SIGUSR2)
            time.sleep(0.3)
    return "16 MiB spliced, and reloads"


APACHE = """
ServerRoot {dir}
ServerName x
PidFile {dir}/apache.pid
ErrorLog {dir}/apache.err
DefaultRuntimeDir {dir}
Mutex pthread
Listen [::]:{http}
Listen [::]:{https}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
DocumentRoot {dir}/www
"""


@row("ab, apache2", (("apache2", "apache2-bin"), ("ab", "apache2-utils"), ("openssl", "openssl")), proxy=NO_PROXY)
def apache(bed, way):
    www(bed)
    conf = bed.write("apache.conf", APACHE.format(dir=bed.dir, **PORTS))
    with bed.serving(way, ("http", "https"), "apache2", "-f", conf, "-DFOREGROUND") as server:
        load = bed.start(way, "ab", "-q", "-n", "2000", "-c", "8", way.url("http") + "/s1", stdout=PIPE, stderr=subprocess.STDOUT)
        os.kill(server.pid, signal.SIGUSR1)
        out = load.communicate(timeout=60)[0].decode()
    if load.returncode or not re.search("Failed requests: +0$", out, re.M):
        raise coyonet.NetError(re.search("Complete requests.*?(?=Total transferred)", out, re.S).group(0) if "Complete" in out else out[-300:])
    return "2000 requests, 8 at once, over a graceful restart"


@row("memcached", (("memcached", "memcached"), ("nc", "netcat-openbsd")))
def memcached(bed, way):
    through = "-X 5 -x 127.0.0.1:1080" if way.name == "coyo proxy" else ""
    with bed.serving(way, ("cache",), "memcached", "-p", PORTS["cache"], "-U", 0, "-l", "0.0.0.0,::", "-t", 4):
        got = bed.call(way, "sh", "-c", "printf 'set k 0 0 5\\r\\nvalue\\r\\nget k\\r\\nquit\\r\\n' | nc -N %s %s %d" % (through, way.host, way.port("cache")))
    same(got, b"STORED\r\nVALUE k 0 5\r\nvalue\r\nEND\r\n", "the answer")
    return "a value kept and read"


@row("iperf3", (("iperf3", "iperf3"),), proxy=NO_PROXY)
def iperf3(bed, way):
    with bed.serving(way, ("iperf3",), "iperf3", "-s", "-p", PORTS["iperf3"]):
        for words in ((), ("-R",), ("-P", "4")):
            out = bed.call(way, "iperf3", "-c", way.host, "-p", way.port("iperf3"), "-t", "1", *words).decode()
            if not re.search(r"[1-9][\d.]* [KMG]bits/sec +receiver", out):
                raise coyonet.NetError(out[-300:])
    return "forth, back, four streams"


@row("redis-server, redis-benchmark", (("redis-server", "redis-server"), ("redis-benchmark", "redis-tools")), proxy=NO_PROXY, short=True)
def redis(bed, way):
    port = PORTS["redis"]
    with bed.serving(way, ("redis",), "redis-server", "--port", port, "--bind", "*", "-::*", "--protected-mode", "no", "--save", "", "--dir", bed.dir):
        at = ("-h", way.host, "-p", way.port("redis"))
        same(bed.call(way, "redis-cli", *at, "set", "k", "v").strip(), b"OK", "the answer")
        out = bed.call(way, "redis-benchmark", *at, "-n", 2000, "-P", 16, "-t", "set,get", "--csv").decode()
    same([x.split(",")[0] for x in out.splitlines()[1:]], ['"SET"', '"GET"'], "the report")
    return "redis-cli; SET and GET, 16 in flight"


@row("rsync, rsync --daemon", (("rsync", "rsync"),))
def rsync(bed, way):
    os.makedirs(bed.path("tree"), exist_ok=True)
    digest = coyonet.make_file(bed.path("tree", "f"), 4 << 20)
    conf = bed.write("rsyncd.conf", "use chroot = no\nport = %d\n[m]\npath = %s\n" % (PORTS["rsync"], bed.path("tree")))
    env = {"RSYNC_PROXY": "127.0.0.1:1080"} if way.name == "coyo proxy" else {}
    with bed.serving(way, ("rsync",), "rsync", "--daemon", "--no-detach", "--config", conf):
        bed.call(way, "rsync", "-a", "rsync://%s:%d/m/" % (way.bracketed, way.port("rsync")), bed.path("copy"), env=env)
    same(coyonet.sha256(bed.path("copy", "f")), digest, "the copy")
    shutil.rmtree(bed.path("copy"))
    return "a tree of 4 MiB" + (", by RSYNC_PROXY" if env else "")


@row("git clone, git daemon", (("git", "git"), ("nc", "netcat-openbsd")))
def git(bed, way):
    if not os.path.isdir(bed.path("r")):
        script = "git init -q r && cd r && head -c 3000000 /dev/urandom >f && git add f && git -c user.name=x -c user.email=x@y commit -qm one"
        bed.plain("sh", "-c", script)
    env = {"HOME": bed.dir, "GIT_CONFIG_NOSYSTEM": "1"}
    if way.name == "coyo proxy":
        os.chmod(bed.write("through", "#!/bin/sh\nexec nc -X 5 -x 127.0.0.1:1080 $1 $2\n"), 0o755)
        env["GIT_PROXY_COMMAND"] = bed.path("through")
    with bed.serving(way, ("git",), "git", "daemon", "--base-path=" + bed.dir, "--export-all", "--reuseaddr", "--port=%d" % PORTS["git"], env=env):
        bed.call(way, "git", "clone", "-q", "git://%s:%d/r" % (way.bracketed, way.port("git")), bed.path("clone"), env=env)
    same(coyonet.sha256(bed.path("clone", "f")), coyonet.sha256(bed.path("r", "f")), "the clone")
    shutil.rmtree(bed.path("clone"))
    return "3 MB" + (", by GIT_PROXY_COMMAND" if way.name == "coyo proxy" else "")


def sshd(bed, way):
    """A server for the user of the test alone."""
    if not os.path.exists(bed.path("user.pub")):
        for key in ("host", "user"):
            bed.plain("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", bed.path(key))
        shutil.copy(bed.path("user.pub"), bed.path("authorized"))
    return bed.serving(way, ("ssh",), find("sshd"), "-D", "-e", "-f", "/dev/null", "-p", PORTS["ssh"], "-h", bed.path("host"), "-o", "StrictModes=no",
                       "-o", "AuthorizedKeysFile=" + bed.path("authorized"), "-o", "PidFile=none", "-o", "UsePAM=no", "-o", "Subsystem=sftp internal-sftp")


def ssh_options(bed, way):
    proxy = ["-o", "ProxyCommand=nc -X 5 -x 127.0.0.1:1080 %h %p"] if way.name == "coyo proxy" else []
    return ["-F", "none", "-i", bed.path("user"), "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
            "-o", "BatchMode=yes", *proxy]


SSH = (("sshd", "openssh-server"), ("ssh", "openssh-client"), ("nc", "netcat-openbsd"))


@row("ssh, scp, sshd", SSH, short=True)
def ssh(bed, way):
    digest = coyonet.make_file(bed.path("scp"), 4 << 20)
    with sshd(bed, way):
        to = bed.user + "@" + way.host
        got = bed.call(way, "ssh", *ssh_options(bed, way), "-p", way.port("ssh"), to, "echo $SSH_CONNECTION").decode().split()
        same(len(got), 4, "SSH_CONNECTION")
        bed.call(way, "scp", *ssh_options(bed, way), "-P", way.port("ssh"), bed.path("scp"), "%s@%s:%s" % (bed.user, way.bracketed, bed.path("scp2")))
    same(coyonet.sha256(bed.path("scp2")), digest, "the copy")
    return "a command, and 4 MiB by scp" + (", by ProxyCommand" if way.name == "coyo proxy" else "")


@row("sshfs", (*SSH, ("sshfs", "sshfs")))
def sshfs(bed, way):
    os.makedirs(bed.path("far"), exist_ok=True)
    os.makedirs(bed.path("mnt"), exist_ok=True)
    digest = coyonet.make_file(bed.path("far", "f"), 4 << 20)
    with contextlib.suppress(OSError):
        os.unlink(bed.path("far", "g"))
    options = " ".join("'%s'" % x for x in ssh_options(bed, way)[4:])
    script = """sshfs -f -F none -o IdentityFile={key} {options} -p {port} {user}@{host}:{far} {mnt} &
                for i in $(seq 200); do [ -e {mnt}/f ] && break; sleep 0.05; done
                sha256sum <{mnt}/f && cp {mnt}/f {mnt}/g; r=$?; kill $!; wait $!; exit $r""".format(
        key=bed.path("user"), options=options, port=way.port("ssh"), user=bed.user, host=way.bracketed, far=bed.path("far"), mnt=bed.path("mnt"))
    with sshd(bed, way):
        got = bed.call(way, "sh", "-c", script, root=True)
    same(got.split()[0].decode(), digest, "the file")
    same(coyonet.sha256(bed.path("far", "g")), digest, "the copy that was written")
    return "4 MiB read and written" + (", by ProxyCommand" if way.name == "coyo proxy" else "")


@row("PostgreSQL, pgbench", (("initdb", "postgresql"), ("pgbench", "postgresql")), proxy=NO_PROXY)
def postgres(bed, way):
    data, port = bed.path("pg"), PORTS["sql"]
    if not os.path.isdir(data):
        bed.plain(find("initdb"), "-D", data, "-A", "trust", "-N", "-U", "coyo", "--no-locale", "-E", "UTF8")
        bed.write("pg/pg_hba.conf", "local all all trust\nhost all all 0.0.0.0/0 trust\nhost all all ::/0 trust\n")
    at = ("-h", way.host, "-p", way.port("sql"), "-U", "coyo")
    with bed.serving(way, ("sql",), find("postgres"), "-D", data, "-p", port, "-c", "listen_addresses=*", "-k", bed.dir, "-c", "fsync=off"):
        bed.call(way, "pgbench", *at, "-i", "-q", "postgres")
        out = bed.call(way, "pgbench", *at, "-c", 4, "-j", 2, "-t", 50, "postgres").decode()
        bed.call(way, "pgbench", *at, "-C", "-S", "-t", 50, "postgres")
    if "actually processed: 200/200" not in out:
        raise coyonet.NetError(out[-300:])
    return "4 clients, and a connection for each query"


@row("mosquitto", (("mosquitto", "mosquitto"), ("mosquitto_pub", "mosquitto-clients")))
def mosquitto(bed, way):
    conf = bed.write("mosquitto.conf", "listener %d\nallow_anonymous true\npersistence false\n" % PORTS["mqtt"])
    at = ["-h", way.host, "-p", way.port("mqtt")] + (["--proxy", "socks5h://127.0.0.1:1080"] if way.name == "coyo proxy" else [])
    with bed.serving(way, ("mqtt",), "mosquitto", "-c", conf):
        bed.call(way, "mosquitto_pub", *at, "-t", "kept", "-m", "one", "-r", "-q", 1)
        got = bed.call(way, "mosquitto_sub", *at, "-t", "kept", "-C", 1, "-W", 10)
        same(got, b"one\n", "the message")
    return "a message published and heard" + (", by --proxy" if way.name == "coyo proxy" else "")


@row("rclone (written in Go), nginx", (("rclone", "rclone"), *CURL[1:]), run=DIRECT)
def rclone(bed, way):
    www(bed)
    env = {"HTTP_PROXY": "socks5://127.0.0.1:1080"} if way.name == "coyo proxy" else {}
    with nginx(bed, way):
        got = bed.call(way, "rclone", "--config", "/dev/null", "--retries", 1, "--low-level-retries", 1, "copyurl", "--stdout", way.url("http") + "/s3",
                       env=env)
    with open(bed.path("www", "s3"), "rb") as f:
        same(got, f.read(), "what came")
    return "a file over HTTP" + (", by HTTP_PROXY" if env else "")


@row("dig, dnsmasq", (("dig", "bind9-dnsutils"), ("dnsmasq", "dnsmasq-base")), run=DATAGRAMS, forward=DATAGRAMS, proxy=NO_PROXY)
def dig(bed, way):
    with bed.serving(way, ("dns",), "dnsmasq", "-k", "-C", "/dev/null", "-p", PORTS["dns"], "--no-resolv", "--no-hosts", "--address=/x.test/192.0.2.7",
                     "--pid-file=", "--user=" + bed.user):
        host = way.address if way.name == "coyo proxy" else way.host
        got = bed.call(way, "dig", "+short", "+time=2", "+tries=1", "@" + host, "-p", way.port("dns"), "x.test")
    same(got, b"192.0.2.7\n", "the answer")
    return "an answer by UDP"


@row("mosh", (("mosh-server", "mosh"), ("script", "bsdutils")), run=DATAGRAMS, forward=DATAGRAMS, proxy=NO_PROXY)
def mosh(bed, way):
    env = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "MOSH_SERVER_NETWORK_TMOUT": "20"}
    local = way.address if way.name == "[tun]" else "0.0.0.0"
    out = bed.serve_once(way, "mosh", "mosh-server", "new", "-i", local, "-p", PORTS["mosh"], "--", "sh", "-c", "echo served-by-mosh; sleep 1", env=env)
    key = re.search(r"MOSH CONNECT (\d+) (\S+)", out)
    if not key:
        raise coyonet.NetError(out[-300:])
    host = "127.0.0.1" if way.name == "[forward]" else way.address
    try:
        got = bed.call(way, "timeout", 15 if way.name == "[tun]" else 3, "script", "-qec", "stty rows 24 cols 80; mosh-client %s %s" % (host, way.port("mosh")), "/dev/null",
                       env=dict(env, MOSH_KEY=key.group(2)), seconds=20, status=None)
    finally:
        with contextlib.suppress(OSError, AttributeError):
            os.kill(int(re.search(r"pid = (\d+)", out).group(1)), 9)
    if b"served-by-mosh" not in got:
        raise coyonet.NetError("nothing came from the server")
    return "a session"
