/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration is taken whole or refused with a reason that names it. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pn_str text = {(const char *) data, size};
    struct pn_arena *arena = pn_arena_new(1 << 20);
    char why[PN_CONFIG_WHY_MAX] = "";
    struct pn_config config;

    if (arena == NULL) {
        return 0;
    }
    if (pn_config_parse(text, "x", arena, &config, why) == PN_OK) {
        assert(config.http_listen != NULL && config.store != NULL);
        assert(config.usage_interval_s >= 1 && config.usage_interval_s <= 60);
        assert((config.http_mode & ~0666U) == 0);
        assert(config.usage_user_count <= PN_CONFIG_SENDERS_MAX);
    } else {
        assert(strncmp(why, "x:", 2) == 0);
        assert(!pn_str_has_control(pn_str_from(why)));
    }
    pn_arena_free(arena);
    return 0;
}
