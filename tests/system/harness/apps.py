# SPDX-License-Identifier: Apache-2.0
"""Real applications with a /rest anybody may use and an /admin: each answers
with the name of what it thinks it serves and the user it was told."""
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

from .process import SOURCE, answers

FLASK = """
import sys
from flask import Flask, request
app = Flask(__name__)
def answer(name):
    return f"{name} user={request.headers.get('Remote-User', '')}"
for name in ("admin", "rest"):
    for rule in (f"/{name}", f"/{name}/", f"/{name}/<path:rest>"):
        app.add_url_rule(rule, rule, lambda rest="", n=name.upper(): answer(n))
app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
"""

SERVER_XML = """<Server port="-1"><Service name="Catalina">
<Connector port="{port}" address="127.0.0.1" protocol="HTTP/1.1"/>
<Engine name="Catalina" defaultHost="localhost">
<Host name="localhost" appBase="webapps" unpackWARs="false"
 autoDeploy="false"/></Engine></Service></Server>"""

WEB_XML = """<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee"
 version="5.0">{}</web-app>"""
JSP_SERVLET = """<servlet><servlet-name>{0}</servlet-name>
<jsp-file>/WEB-INF/{0}.jsp</jsp-file></servlet>
<servlet-mapping><servlet-name>{0}</servlet-name>
<url-pattern>/{0}/*</url-pattern></servlet-mapping>"""
JSP = """{} user=<%= request.getHeader("Remote-User") == null
 ? "" : request.getHeader("Remote-User") %>"""


def start_flask(run):
    port = run.port()
    script = run.file("flask_app.py", FLASK)
    run.start("flask", [sys.executable, script, port]).ready(
        lambda: answers(port))
    return port


def start_express(run):
    """Needs npm once, for tests/node/package-lock.json."""
    folder = SOURCE / "tests/node"
    if not (folder / "node_modules/express").exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit",
                        "--no-fund"], cwd=folder, check=True, timeout=300)
    port = run.port()
    run.start("express", ["node", folder / "express.js", port]).ready(
        lambda: answers(port))
    return port


def start_tomcat(run):
    home = pathlib.Path("/usr/share/tomcat10")
    base, port = run.dir / "tomcat", run.port()
    inner = base / "webapps/ROOT/WEB-INF"
    for folder in (inner, base / "conf", base / "temp", base / "work",
                   base / "logs"):
        folder.mkdir(parents=True)
    shutil.copy("/etc/tomcat10/web.xml", base / "conf/web.xml")
    (base / "conf/server.xml").write_text(SERVER_XML.format(port=port))
    (inner / "web.xml").write_text(WEB_XML.format(
        JSP_SERVLET.format("admin") + JSP_SERVLET.format("rest")))
    for name in ("admin", "rest"):
        (inner / f"{name}.jsp").write_text(JSP.format(name.upper()))
    classes = os.pathsep.join(str(home / "bin" / jar) for jar in
                              ("bootstrap.jar", "tomcat-juli.jar"))
    run.start("tomcat", [
        "java", "-cp", classes, f"-Dcatalina.home={home}",
        f"-Dcatalina.base={base}", f"-Djava.io.tmpdir={base / 'temp'}",
        "org.apache.catalina.startup.Bootstrap", "start"]).ready(
            lambda: answers(port), deadline_s=90)
    return port


START = {"flask": start_flask, "express": start_express,
         "tomcat": start_tomcat}
MISSING = {"flask": lambda: importlib.util.find_spec("flask") is None,
           "express": lambda: shutil.which("node") is None,
           "tomcat": lambda: not os.path.exists(
               "/usr/share/tomcat10/bin/bootstrap.jar")
           or shutil.which("java") is None}
