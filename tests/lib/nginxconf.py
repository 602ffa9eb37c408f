# SPDX-License-Identifier: BSD-3-Clause
"""nginx as tests start it: in the foreground, with all of its files in a folder of the test's."""

TEMPLATE = """
worker_processes 2;
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.err info;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  sendfile on; tcp_nopush on; keepalive_requests 100000;
  server {{
    root {dir}/www;
SERVER  }}
}}
"""


def template(server):
    """A configuration for str.format() with dir and what else the lines of its server name."""
    return TEMPLATE.replace("SERVER", server)
