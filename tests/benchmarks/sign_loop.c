/* A plain C_SignInit/C_Sign loop over one key: what the signer is measured against.
 *
 * Usage: sign_loop MODULE SLOT PIN CKA_ID_BYTE. Each line on standard input is a count; the answer
 * is the processor time and the wall time, in nanoseconds, that so many signatures of 32 bytes
 * took. Only the few parts of PKCS#11 2.40 that it needs are declared, so that no header has to be
 * installed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned long ulong_t;
typedef struct { ulong_t type; void *value; ulong_t length; } attribute_t;
typedef struct { ulong_t mechanism; void *parameter; ulong_t length; } mechanism_t;
typedef ulong_t (*any_t)();
typedef struct { unsigned char major, minor; any_t call[68]; } list_t;

enum { INITIALIZE = 0, OPEN = 12, LOGIN = 18, FIND_INIT = 26, FIND = 27, FIND_FINAL = 28,
       SIGN_INIT = 42, SIGN = 43 };

static void must(ulong_t answer, const char *what) {
    if (answer) { fprintf(stderr, "%s: 0x%lx\n", what, answer); exit(1); }
}

static long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int count, char **words) {
    list_t *module;
    ulong_t session, key, found, class = 3, length;
    unsigned char id, digest[32], answer[64];
    any_t get;
    char line[64];

    if (count != 5) return 2;
    void *library = dlopen(words[1], RTLD_NOW);
    if (!library) return 3;
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    must(get(&module), "list");
    must(module->call[INITIALIZE](NULL), "initialize");
    must(module->call[OPEN](strtoul(words[2], NULL, 10), 4UL, NULL, NULL, &session), "open");
    must(module->call[LOGIN](session, 1UL, words[3], strlen(words[3])), "login");
    id = (unsigned char)atoi(words[4]);
    attribute_t wanted[2] = {{0, &class, sizeof class}, {0x102, &id, 1}};
    must(module->call[FIND_INIT](session, wanted, 2UL), "find init");
    must(module->call[FIND](session, &key, 1UL, &found), "find");
    must(module->call[FIND_FINAL](session), "find final");
    if (found != 1) return 4;
    mechanism_t ecdsa = {0x1041, NULL, 0};
    memset(digest, 7, sizeof digest);
    while (fgets(line, sizeof line, stdin)) {
        long long busy = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
        for (int turn = atoi(line); turn > 0; turn--) {
            digest[0] = (unsigned char)turn;
            length = sizeof answer;
            must(module->call[SIGN_INIT](session, &ecdsa, key), "sign init");
            must(module->call[SIGN](session, digest, 32UL, answer, &length), "sign");
        }
        busy = now(CLOCK_PROCESS_CPUTIME_ID) - busy;
        wall = now(CLOCK_MONOTONIC) - wall;
        printf("%lld %lld\n", busy, wall);
        fflush(stdout);
    }
    return 0;
}
