/* SPDX-License-Identifier: Apache-2.0 */
/* posternd's command line. */
#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/config.h"

static const char help[] =
    "posternd: keeps tokens, users, apps and policy, and publishes them for "
    "nginx\n"
    "\n"
    "Usage: posternd [OPTION]...\n"
    "       posternd NOUN VERB [OPTION]...\n"
    "\n"
    "  --config FILE   configuration (" PN_CONFIG_FILE ")\n"
    "  --check         test the configuration and end\n"
    "  --first-admin-password-file FILE\n"
    "                  on first start, take the password of \"admin\" from\n"
    "                  FILE (or the environment: POSTERN_ADMIN_PASSWORD)\n"
    "  --first-admin-out FILE\n"
    "                  on first start, make a password and write it to FILE\n"
    "  --help, --version\n"
    "\n"
    "SIGTERM ends it cleanly, SIGHUP reads the configuration again.\n"
    "\n"
    "\"posternd audit verify\" checks the audit's chain; posternd need not "
    "run.\n"
    "\n"
    "Example:\n"
    "  posternd --config /etc/postern/postern.conf --check\n";

bool
pn_options_read(int argc, char **argv, struct pn_options *out, int *code)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"first-admin-password-file", required_argument, NULL, 'p'},
        {"first-admin-out", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *code = PN_EXIT_USAGE;
    out->config = PN_CONFIG_FILE;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 'k':
            out->check = true;
            break;
        case 'p':
            out->admin.password_file = optarg;
            break;
        case 'o':
            out->admin.out_file = optarg;
            break;
        case 'h':
            *code = fputs(help, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
            return false;
        case 'v':
            *code =
                puts("posternd " PN_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
            return false;
        default: /* getopt_long has said what */
            return false;
        }
    }
    if (optind < argc) {
        (void) fprintf(stderr, "posternd: unexpected argument '%s'\n",
                       argv[optind]);
        return false;
    }
    return true;
}
