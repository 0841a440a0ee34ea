/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets from systemd. */
#include "daemon/credentials.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The file of that name, or NULL. */
static const char *
find(const char *name, char path[PATH_MAX])
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    int len = -1;

    if (dir != NULL && dir[0] == '/') {
        len = snprintf(path, PATH_MAX, "%s/%s", dir, name);
    }
    return len > 0 && len < PATH_MAX && access(path, F_OK) == 0 ? path : NULL;
}

void
pn_credentials_use(struct pn_first_admin *admin)
{
    static char password[PATH_MAX]; /* admin points to it */
    char pgpass[PATH_MAX];

    if (admin->password_file == NULL && admin->given.len == 0) {
        admin->password_file = find("postern.admin-password", password);
    }
    if (find("postern.pgpass", pgpass) != NULL) {
        /* libpq reads it with each connection, when the URL names no file.
         * NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        (void) setenv("PGPASSFILE", pgpass, 0);
    }
}
