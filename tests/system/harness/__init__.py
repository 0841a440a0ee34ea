# SPDX-License-Identifier: Apache-2.0
"""Parts of the system tests: real processes on real sockets.

process   one test's folder, processes, marked secrets, and the final look at
          every log
nginx     stock nginx with the module
backend   an application that records every byte it receives
client    an HTTP/1.1 client that sends exactly what it is told
index     an index written without posternd
"""
