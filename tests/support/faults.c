/* SPDX-License-Identifier: Apache-2.0 */
/* Counting calls, and deciding which of them fail. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct faults own;
static struct faults *shared;

/* Before anything else here runs: a daemon clears its environment. */
__attribute__((constructor)) static void
find_shared(void)
{
    const char *path = getenv("POSTERN_FAULTS");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *at = MAP_FAILED;

    if (fd >= 0) {
        at = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                  0);
        (void) close(fd);
    }
    shared = at == MAP_FAILED ? NULL : at;
}

struct faults *
faults_now(void)
{
    return shared != NULL ? shared : &own;
}

void
faults_arm(unsigned at, enum fault_kind kind, bool sticky)
{
    struct faults *now = faults_now();

    atomic_store(&now->at, at);
    atomic_store(&now->kind, kind);
    atomic_store(&now->sticky, sticky);
    atomic_store(&now->calls, 0);
    atomic_store(&now->failed, 0);
    atomic_store(&now->armed, 1);
}

bool
faults_disarm(void)
{
    struct faults *now = faults_now();

    atomic_store(&now->armed, 0);
    return atomic_load(&now->failed) > 0;
}

void
faults_pause(void)
{
    atomic_store(&faults_now()->armed, 0);
}

void
faults_resume(void)
{
    atomic_store(&faults_now()->armed, 1);
}

bool
faults_hit(void)
{
    static const int numbers[FAULT_KINDS] = {
        [FAULT_FULL] = ENOSPC,
        [FAULT_BROKEN] = EIO,
        [FAULT_BUSY] = EACCES,
        [FAULT_RESIZED] = ENOMEM,
    };
    struct faults *now = faults_now();
    uint32_t call, at;

    if (atomic_load(&now->armed) == 0) {
        return false;
    }
    call = atomic_fetch_add(&now->calls, 1);
    at = atomic_load(&now->at);
    if (call != at && (call < at || atomic_load(&now->sticky) == 0)) {
        return false;
    }
    (void) atomic_fetch_add(&now->failed, 1);
    errno = numbers[atomic_load(&now->kind) % FAULT_KINDS];
    return true;
}

int
faults_lmdb(void)
{
    static const int codes[FAULT_KINDS] = {
        [FAULT_FULL] = MDB_MAP_FULL,
        [FAULT_BROKEN] = MDB_CORRUPTED,
        [FAULT_BUSY] = MDB_READERS_FULL,
        [FAULT_RESIZED] = MDB_MAP_RESIZED,
    };

    return codes[atomic_load(&faults_now()->kind) % FAULT_KINDS];
}
