/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's readiness protocol: a datagram of text. */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum { WAIT_S = 2 }; /* for a systemd that does not read */

void
pn_notify(const char *text)
{
    const struct timeval patience = {.tv_sec = WAIT_S};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET"); /* NOLINT: never changed */
    size_t len = path != NULL ? strlen(path) : 0;
    int fd;

    if (len == 0 || len >= sizeof(name.sun_path)
        || (path[0] != '/' && path[0] != '@'))
    {
        return;
    }
    memcpy(name.sun_path, path, len);
    if (path[0] == '@') {
        name.sun_path[0] = '\0'; /* the abstract name space */
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0
        || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience))
               != 0
        || sendto(fd, text, strlen(text), MSG_NOSIGNAL,
                  (const struct sockaddr *) &name,
                  (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len))
               < 0)
    {
        pn_log(PN_LOG_WARNING, "notify_failed", NULL);
    }
    if (fd >= 0) {
        (void) close(fd);
    }
}
