# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that sends the headers it is told to."""
import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions


class Http2:
    """Prior-knowledge HTTP/2 over one connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        config = h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, path="/", method="GET", headers=(), body=b""):
        """Status, headers, body; ConnectionError when the server has closed
        the connection or said that it will."""
        try:
            return self.exchange(path, method, headers, body)
        except h2.exceptions.ProtocolError as e:
            raise ConnectionError(str(e)) from e

    def exchange(self, path, method, headers, body):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [
            (":method", method), (":scheme", "http"), (":path", path),
            (":authority", "localhost"), *headers], end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()
        head, data = [], b""
        while True:
            received = self.socket.recv(65536)
            if not received:
                raise ConnectionError("closed")
            for event in self.h2.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    head = event.headers
                elif isinstance(event, h2.events.DataReceived):
                    data += event.data
                    self.h2.acknowledge_received_data(
                        event.flow_controlled_length, stream)
                elif isinstance(event, (h2.events.StreamEnded,
                                        h2.events.StreamReset)) \
                        and event.stream_id == stream:
                    self.flush()
                    return int(dict(head)[":status"]), head, data
            self.flush()
