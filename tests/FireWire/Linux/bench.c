// bench mmio BAR ACCESSES: what an access to a register of the controller costs, through a file resource0 of sysfs that no driver uses.
// bench quadlets DEVICE COUNT: how many reads of a quadlet of a memory node, one after the other, go through a /dev/fwN in a second.
// bench read|write DISK MIB: how fast a disk is, in requests of a MiB, around the cache.
// Prints "FW figure NAME VALUE"; register accesses are in us, transactions in 1/s, disks in MB/s.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/firewire-cdev.h>
#include <linux/firewire-constants.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMORY 0xfffff0010000ULL
#define PAGE 4096UL
#define MIB (1 << 20)
/* Registers that may be read and written at any time: 1394 OHCI 1.1, sections 5.2 and 6.2 (no bit is set, so none is cleared). */
#define VERSION 0x000
#define INT_MASK_CLEAR 0x08c

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int in_order(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a < b ? -1 : a > b;
}

static void show(const char *name, uint64_t *ticks, int count, double us)
{
	qsort(ticks, count, sizeof(*ticks), in_order);
	printf("FW figure %s-median %.2f\n", name, ticks[count / 2] * us);
	printf("FW figure %s-p99 %.2f\n", name, ticks[count - 1 - count / 100] * us);
}

/* Each access by itself, in ticks of the time stamp counter, whose rate the clock tells. */
static int mmio(const char *path, int count)
{
	uint64_t *reads = calloc(count, sizeof(*reads)), *writes = calloc(count, sizeof(*writes)), start, first;
	int file = open(path, O_RDWR | O_SYNC);
	volatile uint8_t *bar;
	double before, us, burst;

	bar = file < 0 ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (bar == MAP_FAILED || !reads || !writes)
		return fail(path);
	/* The mapping begins at a page, a BAR of less need not. */
	if (getenv("OFFSET"))
		bar += strtoul(getenv("OFFSET"), NULL, 16) & (PAGE - 1);
	before = now();
	first = __builtin_ia32_rdtsc();
	for (int i = 0; i < count; i++) {
		start = __builtin_ia32_rdtsc();
		if ((*(volatile uint32_t *)(bar + VERSION) & 0x00ff00ff) != 0x00010010) {
			printf("FW not ok no OHCI 1.1 controller\n");
			return 1;
		}
		reads[i] = __builtin_ia32_rdtsc() - start;
	}
	us = (now() - before) * 1e6 / (__builtin_ia32_rdtsc() - first);
	for (int i = 0; i < count; i++) {
		start = __builtin_ia32_rdtsc();
		*(volatile uint32_t *)(bar + INT_MASK_CLEAR) = 0;
		writes[i] = __builtin_ia32_rdtsc() - start;
		/* Now and then wait until the device has seen all. */
		if (i % 16 == 15)
			(void)*(volatile uint32_t *)(bar + VERSION);
	}
	before = now();
	for (int i = 0; i < count; i++)
		*(volatile uint32_t *)(bar + INT_MASK_CLEAR) = 0;
	(void)*(volatile uint32_t *)(bar + VERSION);
	burst = (now() - before) * 1e6 / count;
	show("mmio-read", reads, count, us);
	show("mmio-write", writes, count, us);
	printf("FW figure mmio-write-in-a-row %.2f\n", burst);
	return 0;
}

static int quadlets(const char *path, int count)
{
	struct fw_cdev_event_bus_reset reset = { 0 };
	struct fw_cdev_get_info info = { .version = 5, .bus_reset = (uintptr_t)&reset };
	struct fw_cdev_send_request send = { .tcode = TCODE_READ_QUADLET_REQUEST, .length = 4 };
	char event[4096];
	int file = open(path, O_RDWR);
	double start;

	if (file < 0 || ioctl(file, FW_CDEV_IOC_GET_INFO, &info) < 0)
		return fail(path);
	send.generation = reset.generation;
	start = now();
	for (int i = 0; i < count; i++) {
		const struct fw_cdev_event_response *response = (void *)event;

		send.offset = MEMORY + i % 1024 * 4;
		if (ioctl(file, FW_CDEV_IOC_SEND_REQUEST, &send) < 0 || read(file, event, sizeof(event)) < 0)
			return fail(path);
		if (response->type != FW_CDEV_EVENT_RESPONSE || response->rcode != RCODE_COMPLETE) {
			printf("FW not ok event %u of a quadlet's read\n", response->type);
			return 1;
		}
	}
	printf("FW figure quadlet-transactions %.0f\n", count / (now() - start));
	return 0;
}

static int disk(const char *name, const char *path, int size)
{
	int is_write = strcmp(name, "write") == 0, file = open(path, O_RDWR | O_DIRECT);
	char *buffer = aligned_alloc(PAGE, MIB);
	double start = now();

	if (file < 0 || !buffer)
		return fail(path);
	for (int i = 0; i < size; i++) {
		if (is_write)
			memset(buffer, i, MIB);
		if ((is_write ? write(file, buffer, MIB) : read(file, buffer, MIB)) != MIB)
			return fail(path);
		if (!is_write && (buffer[0] != (char)i || buffer[MIB - 1] != (char)i)) {
			printf("FW not ok MiB %d is not what was written\n", i);
			return 1;
		}
	}
	if (fsync(file) < 0)
		return fail(path);
	printf("FW figure sbp2-%s %.1f\n", name, size * (double)MIB / 1e6 / (now() - start));
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 4)
		return 2;
	if (strcmp(argv[1], "mmio") == 0)
		return mmio(argv[2], atoi(argv[3]));
	if (strcmp(argv[1], "quadlets") == 0)
		return quadlets(argv[2], atoi(argv[3]));
	return disk(argv[1], argv[2], atoi(argv[3]));
}
