using System;
using System.Threading.Tasks;
using Xunit;

namespace Sluice.Tests.Analyzers;

/// <summary>SLU003: results that say whether something worked are looked at.</summary>
public sealed class IgnoredAnalyzerTests
{
    [Theory]
    [InlineData("void M() { Boxes.Probe(); }                                   // SLU003")]
    [InlineData("void M() => Boxes.Probe();                                    // SLU003")]
    [InlineData("void M() { _ = Boxes.Probe(); }                               // SLU003")]
    [InlineData("void M() { Error e = Boxes.Probe(); }                         // SLU003")]
    [InlineData("void M() { Error e; e = Boxes.Probe(); }                      // SLU003")]
    [InlineData("void M() { Boxes.Important(); }                               // SLU003")]
    [InlineData("void M() { Boxes.TryTake(out Box b); Boxes.Give(ref b); }     // SLU003")]
    [InlineData("void M() { _ = Boxes.TryTake(out Box b); Boxes.Give(ref b); } // SLU003")]
    [InlineData("void M() { bool t = Boxes.TryTake(out Box b); Boxes.Give(ref b); } // SLU003")]
    [InlineData("void M(delegate*<Error> f) { f(); }                           // SLU003")]
    [InlineData("Action M() => () => Boxes.Probe();                            // SLU003")]
    [InlineData("[MustUse] enum Verdict { Good } static Verdict Ask() => 0; void M() { Ask(); } // SLU003")]
    [InlineData("Error M() { Error e = Boxes.Probe(); /* lost */                       // SLU003\n e = Boxes.Probe(); return e; }")]
    [InlineData("Error M() { Error e = Boxes.Probe(); /* lost */                       // SLU003\n if (Ready) e = Boxes.Probe(); else e = Error.Busy; return e; }")]
    public Task An_ignored_result_is_found(string members) => Snippet.Check(members);

    [Theory]
    [InlineData("Error M() => Boxes.Probe();")]
    [InlineData("void M() { if (Boxes.Probe() != Error.None) return; }")]
    [InlineData("void M() { Error e = Boxes.Probe(); if (e == Error.Busy) return; }")]
    [InlineData("Error M() { Error e = Error.None; if (Ready) e = Boxes.Probe(); return e; }")]
    [InlineData("void M() { Boxes.Probe().Ignore(\"it is only a test\"u8); }")]
    [InlineData("void M() { Boxes.TryTake(out Box b).Ignore(\"empty will do\"u8); Boxes.Give(ref b); }")]
    [InlineData("int M() => Boxes.Important();")]
    [InlineData("void M() { int.TryParse(\"1\", out int i); Boxes.Check(true, \"x\"); }")]
    [InlineData("void M() { Error e = Boxes.Probe(); void Inside() { if (e == Error.None) return; } Inside(); }")]
    [InlineData("Error M() { Error e = Boxes.Probe(); if (Ready) e = Boxes.Probe(); return e; }")]
    [InlineData("Error M() { Error e = Boxes.Probe(); for (int i = 0; i < 3 && e != Error.None; i++) e = Boxes.Probe(); return e; }")]
    [InlineData("Error M() { Error e; do e = Boxes.Probe(); while (e == Error.Busy); return e; }")]
    [InlineData("Error M() { Error e = Error.None; try { e = Boxes.Probe(); } finally { if (e != Error.None) Boxes.Stop(); } return Error.None; }")]
    [InlineData("Error M(bool c) { Error e = c ? Boxes.Probe() : Error.None; return e; }")]
    public Task A_result_that_is_used_is_not_reported(string members) => Snippet.Check(members);
}

/// <summary>SLU004: no objects where interrupts are off or packets pass, nor what may wait there.</summary>
public sealed class AllocationAnalyzerTests
{
    [Theory]
    [InlineData("[PacketPath] object M() => new object();                                           // SLU004")]
    [InlineData("[PacketPath] object M() => new int[4];                                             // SLU004")]
    [InlineData("[PacketPath] object M(int i) => i;                                                 // SLU004")]
    [InlineData("[PacketPath] bool M(int i) => Equals(i, null);                                     // SLU004")]
    [InlineData("[PacketPath] Func<int> M(int i) => () => i;                                        // SLU004")]
    [InlineData("void Target() { } [PacketPath] Action M() => Target;                               // SLU004")]
    [InlineData("[PacketPath] string M(int i) => $\"{i}\";                                          // SLU004")]
    [InlineData("[PacketPath] string M(string a) => a + \"b\";                                      // SLU004")]
    [InlineData("[PacketPath] string M(int i) => i.ToString();                                      // SLU004")]
    [InlineData("static void Many(params int[] all) { } [PacketPath] void M() => Many(1, 2);        // SLU004")]
    [InlineData("[PacketPath] int[] M(int i) => [i, 2];                                             // SLU004")]
    [InlineData("[PacketPath] List<int> M(int i) => [i, 2];                                         // SLU004")]
    [InlineData("[PacketPath] IEnumerable<int> M() { yield return 1; }                              // SLU004")]
    [InlineData("[Allocates] static void Grow() { } [PacketPath] void M() => Grow();                // SLU004")]
    [InlineData("static object Make() => new object(); [PacketPath] void M() { Make(); }            // SLU004")]
    [InlineData("static void A() => B(); static void B() { object o = new object(); } [InterruptPath] void M() => A(); // SLU004")]
    [InlineData("[NotInInterrupt] static void Wait() { } [InterruptPath] void M() => Wait();        // SLU004")]
    [InlineData("[NotInInterrupt] static void Wait() { } static void A() => Wait(); [InterruptPath] void M() => A(); // SLU004")]
    [InlineData("static int P { get { object o = new object(); return 1; } } [PacketPath] int M() => P; // SLU004")]
    [InlineData("[PacketPath] void M() { Inside(); void Inside() { object o = new object(); } }     // SLU004")]
    [InlineData("interface I { [InterruptPath] void On(); } class C : I { public void On() { object o = new object(); } } // SLU004")]
    [InlineData("interface I { [InterruptPath] void On(); } class C : I { void I.On() { object o = new object(); } } // SLU004")]
    [InlineData("abstract class B { [PacketPath] public abstract void On(); } class C : B { public override void On() { object o = new object(); } } // SLU004")]
    [InlineData("interface I { [InterruptPath] void On(); } abstract class B : I { public abstract void On(); } class C : B { public override void On() { object o = new object(); } } // SLU004")]
    [InlineData("class C { [Allocates] public static void On() { } } [PacketPath] void M() { for (;;) C.On(); } // SLU004")]
    [InlineData("static IEnumerable<int> Each() { yield return 1; } [PacketPath] void M() { foreach (int i in Each()) { } } // SLU004")]
    public Task What_makes_objects_is_found(string members) => Snippet.Check(members);

    [Theory]
    [InlineData("object M() => new object();")]
    [InlineData("[PacketPath] Box M() => new Box(3);")]
    [InlineData("[PacketPath] int M() { Span<int> s = stackalloc int[4]; return s[0]; }")]
    [InlineData("[PacketPath] int M(int i) { ReadOnlySpan<int> s = [i, 2]; return s[0]; }")]
    [InlineData("[PacketPath] int M() { ReadOnlySpan<byte> s = new byte[] { 1, 2 }; return s[0]; }")]
    [InlineData("static void Many(params ReadOnlySpan<int> all) { } [PacketPath] void M() => Many(1, 2);")]
    [InlineData("static void Many(params int[] all) { } [PacketPath] void M() => Many();")]
    [InlineData("[PacketPath] void M(bool bad) { if (bad) throw new Exception(\"bad\"); }")]
    [InlineData("[DoesNotReturn] static void Die() => throw new Exception(); [InterruptPath] void M(bool bad) { if (bad) Die(); }")]
    [InlineData("[NotInInterrupt] static void Wait() { } [PacketPath] void M() => Wait();")]
    [InlineData("static void A(int n) { if (n > 0) B(n - 1); } static void B(int n) => A(n); [PacketPath] void M() => A(3);")]
    [InlineData("[PacketPath] bool M(object o) => o is string;")]
    [InlineData("[PacketPath] string M() => \"a\" + \"b\" + nameof(Box);")]
    [InlineData("static void Plain() { } [PacketPath] delegate*<void> M() => &Plain;")]
    [InlineData("interface I { void On(); } class C : I { public void On() { object o = new object(); } }")]
    public Task What_makes_none_is_not_reported(string members) => Snippet.Check(members);

    [Fact]
    public async Task The_message_shows_the_chain()
    {
        string message = await Snippet.Messages("static void A() => B(); static void B() { object o = new object(); } [InterruptPath] void M() => A();");
        Assert.Equal("'M' is [InterruptPath], but calls Subject.A -> Subject.B, which makes an object: new Object", message);
    }

    [Fact]
    public async Task A_marked_method_that_is_called_answers_for_itself()
    {
        string message = await Snippet.Messages("[PacketPath] void A() { object o = new object(); } [PacketPath] void M() => A();");
        Assert.DoesNotContain(Environment.NewLine, message.Trim(), StringComparison.Ordinal);
    }
}

/// <summary>SLU005: a handle's memory is not used after the handle went away.</summary>
public sealed class StaleMemoryAnalyzerTests
{
    [Theory]
    [InlineData("""
        void M(ref Box b)
        {
            Span<byte> memory = b.Memory;
            Boxes.Give(ref b);
            memory[0] = 1;                                  // SLU005
        }
        """)]
    [InlineData("""
        void M()
        {
            Span<byte> memory = _box.Memory;
            Boxes.Give(ref _box);
            Boxes.Bytes(memory);                            // SLU005
        }
        """)]
    [InlineData("""
        void M()
        {
            Box b = Boxes.Make();
            ReadOnlySpan<byte> part = b.Memory.Slice(4);
            _box = Own.Move(ref b);
            byte first = part[0];                           // SLU005
        }
        """)]
    [InlineData("""
        void M()
        {
            Box b = Boxes.Make();
            Span<byte> memory = b.Memory[2..];
            if (Ready)
                Boxes.Give(ref b);
            memory.Clear();                                 // SLU005
            Boxes.Give(ref b);
        }
        """)]
    [InlineData("""
        void M(ref Box b)
        {
            ref int first = ref b.First;
            Boxes.Give(ref b);
            first = 1;                                      // SLU005
        }
        """)]
    [InlineData("""
        void M(ref Box b)
        {
            Span<byte> memory = b.Memory;
            for (int i = 0; i < 2; i++)
            {
                memory[i] = 1;                              // SLU005
                Boxes.Give(ref b);
            }
        }
        """)]
    [InlineData("""
        void M()
        {
            Box b = Boxes.Make();
            Span<byte> memory = b.Show();
            b.Free();
            memory[0] = 1;                                  // SLU005
        }
        """)]
    public Task Memory_used_too_late_is_found(string members) => Snippet.Check(members);

    [Theory]
    [InlineData("void M(ref Box b) { Span<byte> memory = b.Memory; memory[0] = 1; Boxes.Give(ref b); }")]
    [InlineData("void M(ref Box b) { Span<byte> memory = b.Memory; Boxes.Look(in b); memory[0] = 1; Boxes.Give(ref b); }")]
    [InlineData("void M(ref Box b) { Span<byte> memory = b.Memory; Boxes.Give(ref b); memory = new byte[3]; memory[0] = 1; }")]
    [InlineData("void M() { Box b = Boxes.Make(); Span<byte> memory = b.Show(); memory[0] = 1; b.Free(); }")]
    [InlineData("void M(ref Box a, ref Box b) { Span<byte> memory = a.Memory; Boxes.Give(ref b); memory[0] = 1; }")]
    [InlineData("void M(ref Box b) { for (int i = 0; i < 3; i++) { Span<byte> memory = b.Memory; memory[0] = 1; Boxes.Give(ref b); b = Boxes.Make(); } }")]
    [InlineData("void M(ref Box b) { Span<byte> memory = b.Memory; if (Ready) { Boxes.Give(ref b); return; } memory[0] = 1; }")]
    [InlineData("[OwnershipInternals(\"a test\")] void M(ref Box b) { Span<byte> memory = b.Memory; Boxes.Give(ref b); memory[0] = 1; }")]
    public Task Memory_used_in_time_is_not_reported(string members) => Snippet.Check(members);
}
