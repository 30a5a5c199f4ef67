/* SPDX-License-Identifier: MIT
 * The program on a Vulkan device (index:0) of which one call fails, whichever it is: right
 * bits are delivered and the receipt says by whom, or nothing is and the status says why.
 * LACQUER_TEST_SWEEP=full strikes in every call, =N in about N of each name, instead of
 * three. Exits 77 without a device. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "gpu_fixture.h"

enum { SKIPPED = 77, TEXT = 4096, UNITS = 6 };
/* The variables of vk_faults.c. */
#define FAULT "LACQUER_VK_FAULT"
#define COUNTS "LACQUER_VK_COUNTS"
#define DISCRETE "LACQUER_VK_DISCRETE"
static const char fallback[] = "rendered on the CPU reference";

static char *folder, manifest[TEXT], reference[TEXT], out[TEXT], counts[TEXT];
static uint64_t seed;

/* Three tracks, two of one shape; two variants, one of an album and one at another rate. */
static int set_up(void **state) {
  static const struct cli_sound sounds[] = {
      {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 21000, 1},
      {"b.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 2, 19000, 2},
      {"c.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 44100, 1, 20000, 3}};
  (void)state;
  seed = gpu_fixture_seed(20261126);
  folder = fixture_folder();
  for (int i = 0; i < 3; i++) cli_sound(folder, &sounds[i]);
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
           "chains: {c: [eq: {bands: [{type: bell, freq: 500, gain: 3}]}]}\n"
           "variants:\n  album: {loudness: -12, loudness_mode: album, true_peak: -1}\n"
           "  fast: {rate: 48000, loudness: -14, true_peak: -1, format: flac}\n"
           "defaults: {chain: c}\n"
           "tracks: [{source: a.wav}, {source: b.wav}, {source: c.wav}]\n");
  snprintf(manifest, sizeof manifest, "%s/m.yaml", folder);
  snprintf(reference, sizeof reference, "%s/reference", folder);
  snprintf(out, sizeof out, "%s/out", folder);
  snprintf(counts, sizeof counts, "%s/counts", folder);
  setenv(COUNTS, counts, 1);
  expect_status(run_program("render", manifest, "-o", reference, "-d", "cpu", "-q"), 0);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  unsetenv(COUNTS);
  fixture_folder_remove(folder);
  return 0;
}

/* ---- one run ---- */

struct run_options {
  const char *device, *tier, *lanes;
};
static const struct run_options usual = {"index:0", "full", "2"};

static struct program_run render_on(const struct run_options *o) {
  return run_words((const char *const[]){LACQUER_FAULTY, "render", manifest, "-o", out, "-d",
                                         o->device, "--verify", o->tier, "--lanes", o->lanes,
                                         "--jobs", "1", "--force", NULL});
}

/* How often the last run called `call`. */
static int count_of(const char *call) {
  char *text = cli_read(folder, "counts"), *line = strstr(text, call);
  const int n = line ? atoi(line + strlen(call)) : 0;
  free(text);
  return n;
}

static void expect_clean(const struct program_run *run, const char *what) {
  static const char *const bad[] = {"Vulkan validation", "Sanitizer", "runtime error"};
  for (int i = 0; i < 3; i++)
    if (strstr(run->err, bad[i])) fail_msg("%s: %s", what, run->err);
}

/* A receipt's device is the CPU if, and only if, its note tells why. */
static bool rendered_on_cpu(const char *name, const char *what) {
  char *note = cli_receipt_text(out, name, "verification", "note");
  char *device = cli_receipt_text(out, name, "rendered_on", "device");
  const bool cpu = !strcmp(device, "cpu");
  if (cpu != (strstr(note, fallback) != NULL)) fail_msg("%s: on %s: \"%s\"", what, device, note);
  free(device);
  free(note);
  return cpu;
}

/* All is delivered with the right bits. Returns how many units the CPU rendered. */
static int expect_delivered(const char *what) {
  static const char *const names[UNITS] = {"album/a.wav", "album/b.wav", "album/c.wav",
                                           "fast/a.flac", "fast/b.flac", "fast/c.flac"};
  int on_cpu = 0;
  assert_int_equal(cli_same_bits(out, reference), UNITS);
  assert_int_equal(cli_check_receipts(out), UNITS);
  assert_int_equal(cli_count(out, ".tmp"), 0);
  for (int i = 0; i < UNITS; i++) on_cpu += rendered_on_cpu(names[i], what);
  return on_cpu;
}

static void clear_out(void) {
  char command[TEXT + 16];
  snprintf(command, sizeof command, "rm -rf '%s'", out);
  assert_int_equal(system(command), 0);
}

enum { REFUSED = -1, MISSED = -2 };
/* One fault: right bits, or a refusal of the device in one line. Returns how many units the
 * CPU rendered; REFUSED; or MISSED: lanes share submissions as time has it, and so many calls
 * there were not. */
static int strike(const struct run_options *options, const char *call, int number,
                  const char *kind) {
  char what[256];
  snprintf(what, sizeof what, "%s:%d:%s", call, number, kind);
  clear_out();
  setenv(FAULT, what, 1);
  struct program_run run = render_on(options);
  unsetenv(FAULT);
  expect_clean(&run, what);
  const bool struck = count_of("struck");
  if (run.status != 0 && run.status != 69)
    fail_msg("%s: status %d\n%s", what, run.status, run.err);
  int on_cpu = REFUSED;
  if (run.status == 69) {
    assert_int_equal(count_lines(run.err), 1);
    assert_false(cli_exists(out, ""));
  } else {
    on_cpu = expect_delivered(what);
  }
  if (!struck && on_cpu) fail_msg("%s: never struck\n%s", what, run.err);
  run_free(&run);
  return struck ? on_cpu : MISSED;
}

/* ---- every call ---- */

static const struct fault {
  const char *call, *kind;
} faults[] = {
    {"vkCreateInstance", "no_driver"},
    {"vkEnumeratePhysicalDevices", "no_driver"},
    {"vkEnumerateDeviceExtensionProperties", "host_memory"},
    {"vkCreateDevice", "no_driver"},
    {"vkCreateDevice", "lost"},
    {"vkCreatePipelineLayout", "host_memory"},
    {"vkCreatePipelineCache", "host_memory"},
    {"vkCreateShaderModule", "host_memory"},
    {"vkCreateComputePipelines", "device_memory"},
    {"vkGetPipelineCacheData", "host_memory"},
    {"vkCreateBuffer", "host_memory"},
    {"vkAllocateMemory", "device_memory"},
    {"vkAllocateMemory", "host_memory"},
    {"vkBindBufferMemory", "device_memory"},
    {"vkMapMemory", "no_map"},
    {"vkCreateCommandPool", "host_memory"},
    {"vkCreateSemaphore", "host_memory"},
    {"vkAllocateCommandBuffers", "device_memory"},
    {"vkBeginCommandBuffer", "host_memory"},
    {"vkEndCommandBuffer", "device_memory"},
    {"vkQueueSubmit", "lost"},
    {"vkQueueSubmit", "device_memory"},
    {"vkQueueSubmit", "upload"},
    {"vkWaitSemaphores", "lost"},
    {"vkWaitSemaphores", "slow"},
    {"vkWaitSemaphores", "download"},
};
enum { FAULTS = sizeof faults / sizeof *faults };

/* The next number to strike at: all of them, or the first, the last and some between. */
static int next_number(int number, int n) {
  const char *sweep = getenv("LACQUER_TEST_SWEEP");
  const int parts = sweep && atoi(sweep) > 2 ? atoi(sweep) - 1 : 2, stride = n / parts;
  if ((sweep && !strcmp(sweep, "full")) || stride < 2) return number + 1;
  if (number == n - 1) return n;
  const int next = number + 1 + (int)(fixture_random(&seed) % (2 * (uint64_t)stride - 1));
  return next < n ? next : n - 1;
}

/* The full tier finds every flipped bit; other faults do not ask what is checked. */
static const struct run_options ways[] = {
    {"index:0", "full", "2"}, {"index:0", "off", "1"}, {"index:0", "sample", "2"}};
enum { WAYS = sizeof ways / sizeof *ways };
static int way_of(int fault) {
  return strstr(faults[fault].kind, "load") ? 0 : 1 + fault % 2;
}

/* Where the device is known to be good. */
static void faults_in_renders(void **state) {
  int struck = 0, fell_back = 0, partly = 0, refused = 0, missed = 0;
  int n_of[FAULTS];
  (void)state;
  expect_status(render_on(&usual), 0); /* proves the device */
  for (int w = 0; w < WAYS; w++) {
    struct program_run run = render_on(&ways[w]);
    expect_clean(&run, "no fault");
    run_free(&run);
    assert_int_equal(expect_delivered("no fault"), 0);
    for (int i = 0; i < FAULTS; i++)
      if (way_of(i) == w) n_of[i] = count_of(faults[i].call);
  }
  for (int i = 0; i < FAULTS; i++) {
    if (!n_of[i]) fail_msg("%s is never called", faults[i].call);
    for (int n = 0; n < n_of[i]; n = next_number(n, n_of[i]), struck++) {
      const int on_cpu = strike(&ways[way_of(i)], faults[i].call, n, faults[i].kind);
      fell_back += on_cpu > 0;
      partly += on_cpu > 0 && on_cpu < UNITS;
      refused += on_cpu == REFUSED;
      missed += on_cpu == MISSED;
    }
  }
  print_message("  %d faults: %d to the CPU (%d of them in part), %d refused, %d missed\n", struck,
                fell_back, partly, refused, missed);
  assert_true(fell_back >= 15 && partly >= 5 && refused >= 5 && missed < struck / 4);
}

/* A lane for which there is no memory beside others waits until one of them is over; the CPU is
 * not asked. A lane that is alone does not try again: here it is a visit's, whose unit follows. */
static void lanes_fit(void **state) {
  enum { FIRST_SESSION = 2 }; /* before it is the device's own memory */
  const struct run_options one = {"index:0", "off", "1"}, two = {"index:0", "off", "2"};
  (void)state;
  expect_status(render_on(&two), 0);
  const int n = count_of("vkAllocateMemory");
  for (int at = FIRST_SESSION; at < n - 4; at += n / 8)
    assert_int_equal(strike(&two, "vkAllocateMemory", at, "device_memory"), 0);
  assert_int_equal(strike(&one, "vkAllocateMemory", FIRST_SESSION, "device_memory"), 0);
  for (int at = 0; at < 4; at++) /* commands that all lanes share are used again */
    assert_int_equal(strike(&two, "vkEndCommandBuffer", at, "device_memory"), 0);
}

/* A lane whose bits were wrong, and then there is no memory for its session at the other rate:
 * it is the CPU's at once, for the first reason, and not tried on the device again. */
static void wrong_bits_then_no_memory(void **state) {
  enum { SESSION = 4 }; /* allocations: its buffers, and staging memory in three parts */
  (void)state;
  cli_text(folder, "one.yaml", "lacquer: 1\noutput: \"{variant}/{source}.{ext}\"\n"
           "chains: {c: [eq: {bands: [{type: bell, freq: 500, gain: 3}]}]}\n"
           "variants: {fast: {rate: 48000, loudness: -14, true_peak: -1, format: flac}}\n"
           "defaults: {chain: c}\ntracks: [{source: a.wav}]\n");
  char *const catalogue = strdup(manifest);
  snprintf(manifest, sizeof manifest, "%s/one.yaml", folder);
  clear_out();
  setenv(TEST_FLIP_VARIABLE, "eq:0:100:3", 1);
  expect_run(render_on(&usual), 0, "gave wrong bits");
  const int sessions = count_of("vkCreateSemaphore"), n = count_of("vkAllocateMemory");
  for (int at = n - SESSION; at < n; at++) {
    char fault[64];
    clear_out();
    snprintf(fault, sizeof fault, "vkAllocateMemory:%d:device_memory", at);
    setenv(FAULT, fault, 1);
    expect_run(render_on(&usual), 0, fallback);
    unsetenv(FAULT);
    assert_int_equal(count_of("struck"), 1);
    assert_int_equal(cli_same_bits(out, reference), 1);
    char *note = cli_receipt_text(out, "fast/a.flac", "verification", "note");
    assert_non_null(strstr(note, "gave wrong bits"));
    assert_true(count_of("vkCreateSemaphore") <= sessions);
    free(note);
  }
  unsetenv(TEST_FLIP_VARIABLE);
  snprintf(manifest, sizeof manifest, "%s", catalogue);
  free(catalogue);
}

/* What never ends is left alone: its memory is the process's, and not a leak. */
static void waits_never_end(void **state) {
  const struct run_options one = {"index:0", "full", "1"}; /* the last track comes too late */
  char spec[64];
  (void)state;
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  expect_status(render_on(&one), 0);
  const int n = count_of("vkWaitSemaphores");
  for (int at = 0; at < n; at += n / 2) {
    assert_true(strike(&one, "vkWaitSemaphores", at, "timeout") > 0);
    char *note = cli_receipt_text(out, "fast/c.flac", "verification", "note");
    assert_non_null(strstr(note, "failed earlier"));
    free(note);
  }
  clear_out();
  snprintf(spec, sizeof spec, "vkWaitSemaphores:%d:timeout", n / 2);
  setenv(FAULT, spec, 1);
  expect_run(render_on(&one), 0, "failed: vkWaitSemaphores: timed out", fallback);
  unsetenv(FAULT);
  unsetenv("ASAN_OPTIONS");
}

/* ---- before it is trusted ---- */

/* A fresh cache: the self-test and the chain test run. */
static void forget_proofs(void) {
  static int n;
  char cache[TEXT];
  snprintf(cache, sizeof cache, "%s/cache%d", folder, n++);
  setenv("XDG_CACHE_HOME", cache, 1);
}

static void faults_in_tests(void **state) {
  static const struct {
    const char *spec, *words[3];
  } cases[] = {
      {"vkCreateInstance:0:no_driver", {"no Vulkan driver", "initialization failed"}},
      {"vkEnumeratePhysicalDevices:0:no_driver", {"no Vulkan device", "initialization failed"}},
      {"vkCreateDevice:0:lost", {"cannot be opened", "vkCreateDevice: device lost"}},
      {"vkQueueSubmit:0:lost", {"self-test failed", "vkQueueSubmit: device lost"}},
      {"vkWaitSemaphores:0:slow", {"self-test failed", "vkWaitSemaphores: timed out"}},
      {"vkAllocateMemory:2:device_memory", {"self-test failed", "out of device memory"}},
      {"vkQueueSubmit:300:lost", {"the chain test did not run", "vkQueueSubmit: device lost"}},
      {"vkWaitSemaphores:300:slow", {"the chain test did not run", "timed out"}},
      {"vkWaitSemaphores:305:download", {"wrong bits in the chain test", "device not used"}},
      {"vkAllocateMemory:0:device_memory", {"cannot be opened", "out of device memory"}},
      {"vkAllocateMemory:13:device_memory",
       {"the chain test did not run", "out of device memory"}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    clear_out();
    forget_proofs();
    setenv(FAULT, cases[i].spec, 1);
    struct program_run run = render_on(&usual);
    expect_clean(&run, cases[i].spec);
    if (!count_of("struck")) fail_msg("%s: never struck", cases[i].spec);
    if (count_lines(run.err) != 1) fail_msg("%s: %s", cases[i].spec, run.err);
    expect_words(run, 69, cases[i].words);
    assert_false(cli_exists(out, ""));
    unsetenv(FAULT);
  }
}

/* `auto` takes the CPU, and says so; what the list says of a device that fails. */
static void auto_falls_back(void **state) {
  const struct run_options any = {"auto", "full", "2"};
  (void)state;
  setenv(DISCRETE, "1", 1);
  clear_out();
  expect_run(render_on(&any), 0, "delivered");
  assert_int_equal(expect_delivered("auto"), 0);
  clear_out();
  setenv(FAULT, "vkCreateDevice:0:lost", 1);
  expect_run(render_on(&any), 0, "no GPU used", "device lost", "rendering on the CPU reference");
  assert_int_equal(cli_same_bits(out, reference), UNITS);
  char *device = cli_receipt_text(out, "fast/c.flac", "rendered_on", "device");
  assert_string_equal(device, "cpu");
  free(device);
  struct program_run run = run_words((const char *const[]){LACQUER_FAULTY, "devices", NULL});
  assert_non_null(strstr(run.out, "self-test: FAILED"));
  assert_non_null(strstr(run.out, "cannot be opened: vkCreateDevice: device lost"));
  expect_status(run, 0);
  unsetenv(FAULT);
  unsetenv(DISCRETE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(faults_in_renders), cmocka_unit_test(lanes_fit),
      cmocka_unit_test(wrong_bits_then_no_memory),
      cmocka_unit_test(waits_never_end),   cmocka_unit_test(faults_in_tests),
      cmocka_unit_test(auto_falls_back),
  };
  if (!cli_has_device(LACQUER_PROGRAM)) return SKIPPED;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
