/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the configuration is read again. */
#include "daemon/reload.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/notify.h"

enum { ARENA_MAX = 1 << 20 };

void
pn_reload(struct pn_parts *parts, const char *path)
{
    struct pn_arena *arena = pn_arena_new(ARENA_MAX);
    char why[PN_CONFIG_WHY_MAX] = "out of memory";
    char text[PN_CONFIG_WHY_MAX + 64];
    struct pn_config config;

    (void) snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
                    (long long) pn_clock_ms() * 1000);
    pn_notify(text);
    if (arena == NULL || pn_config_load(path, arena, &config, why) != PN_OK) {
        pn_log(PN_LOG_ERROR, "config_refused", "error", why, NULL);
        (void) snprintf(text, sizeof(text),
                        "READY=1\nSTATUS=Ready; the file was refused: %s", why);
        pn_notify(text);
    } else {
        parts->config.log_level = config.log_level;
        pn_log_set_level(config.log_level);
        pn_log(PN_LOG_INFO, "config_reloaded", NULL);
        pn_notify("READY=1\nSTATUS=Ready.");
    }
    pn_arena_free(arena);
}
