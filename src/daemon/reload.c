/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the configuration is read again. */
#include "daemon/reload.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/notify.h"

enum { ARENA_MAX = 1 << 20 };

/* What pn_parts_apply() applies. */
static const char *const live[] = {"audit_keep_days", "log_level",
                                   "usage_interval", "usage_users"};

static bool
is_live(const char *key)
{
    for (size_t i = 0; i < PN_LEN(live); i++) {
        if (strcmp(live[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* Keys that differ from what posternd was started with, and stay so. */
static void
tell_what_waits(const struct pn_parts *parts, const struct pn_config *config)
{
    for (unsigned i = 0; i < config->key_count; i++) {
        if (config->key[i].sum != parts->config.key[i].sum
            && !is_live(config->key[i].key))
        {
            pn_log(PN_LOG_WARNING, "config_needs_restart", "key",
                   config->key[i].key, NULL);
        }
    }
}

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
        tell_what_waits(parts, &config);
        pn_parts_apply(parts, &config);
        pn_log(PN_LOG_INFO, "config_reloaded", NULL);
        pn_notify("READY=1\nSTATUS=Ready.");
    }
    pn_arena_free(arena);
}
