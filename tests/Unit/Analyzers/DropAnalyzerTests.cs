using System.Threading.Tasks;
using Xunit;

namespace Sluice.Tests.Analyzers;

/// <summary>SLU002: a handle is given back, stored or handed on, on every path.</summary>
public sealed class DropAnalyzerTests
{
    [Theory]
    [InlineData("""
        void M()
        {
            Box b = Boxes.Make();                           // SLU002
            Boxes.Look(in b);
        }
        """)]
    [InlineData("""
        Error M()
        {
            if (!Boxes.TryTake(out Box b))                  // SLU002
                return Error.NoResources;
            Error error = Boxes.Probe();
            if (error != Error.None)
                return error;
            Boxes.Give(ref b);
            return Error.None;
        }
        """)]
    [InlineData("""
        void M()
        {
            for (int i = 0; i < 4; i++)
            {
                if (!Boxes.TryTake(out Box b))              // SLU002
                    break;
                if (b.Value == i)
                    continue;
                Boxes.Give(ref b);
            }
        }
        """)]
    [InlineData("""
        Error M()
        {
            Error error = Boxes.Take(out Box b);            // SLU002
            if (error != Error.None)
                return error;
            return Boxes.Probe();
        }
        """)]
    [InlineData("""
        void M()
        {
            Box b = Boxes.Make();                           // SLU002
            b = Boxes.Make();
            Boxes.Give(ref b);
        }
        """)]
    [InlineData("""
        void M()
        {
            if (Boxes.TryTake(out Box b))                   // SLU002
                b = default;
        }
        """)]
    [InlineData("void M() { Boxes.Make(); }                  // SLU002")]
    [InlineData("void M() { _ = Boxes.Make(); }              // SLU002")]
    [InlineData("int M() => Boxes.Make().Value;              // SLU002")]
    [InlineData("bool M() => Boxes.TryTake(out _);           // SLU002")]
    [InlineData("void M(Box b) => Boxes.Look(in b);          // SLU002")]
    [InlineData("void M() { new Box(3); }                    // SLU002")]
    [InlineData("""
        bool TryM(out Box b)
        {
            if (!Boxes.TryTake(out b))                      // SLU002
                return false;
            if (b.Value == 3)
                return false;
            return true;
        }
        """)]
    [InlineData("""
        void M(bool c)
        {
            Box b = c ? Boxes.Make() : default;             // SLU002
        }
        """)]
    [InlineData("""
        void M(int kind)
        {
            Box b = Boxes.Make();                           // SLU002
            switch (kind)
            {
                case 0: Boxes.Give(ref b); break;
                case 1: _box = Own.Move(ref b); break;
                default: break;
            }
        }
        """)]
    [InlineData("""
        void M()
        {
            Box a = Boxes.Make();                           // SLU002
            Box b = Own.Move(ref a);
        }
        """)]
    [InlineData("""
        void M()
        {
            if (Boxes.TryTake(out Box a) && Boxes.TryTake(out Box b)) // SLU002
            {
                Boxes.Give(ref a);
                Boxes.Give(ref b);
            }
        }
        """)]
    [InlineData("""
        void M()
        {
            void Local()
            {
                Box b = Boxes.Make();                       // SLU002
            }
            Local();
        }
        """)]
    [InlineData("""
        Action M() => () =>
        {
            Box b = Boxes.Make();                           // SLU002
        };
        """)]
    [InlineData("""
        int P
        {
            get
            {
                Box b = Boxes.Make();                       // SLU002
                return b.Value;
            }
        }
        """)]
    [InlineData("""
        void M(delegate*<out Box, bool> take)
        {
            if (take(out Box b))                            // SLU002
                Boxes.Look(in b);
        }
        """)]
    public Task A_dropped_handle_is_found(string members) => Snippet.Check(members);

    [Theory]
    [InlineData("void M() { if (!Boxes.TryTake(out Box b)) return; Boxes.Give(ref b); }")]
    [InlineData("void M() { if (Boxes.TryTake(out Box b)) { Boxes.Give(ref b); } }")]
    [InlineData("void M() { if (Boxes.TryTake(out Box b) && Ready) Boxes.Give(ref b); else if (!b.IsEmpty) Boxes.Give(ref b); }")]
    [InlineData("void M() { if (!Boxes.TryTake(out Box b) || !Ready) { if (!b.IsEmpty) Boxes.Give(ref b); return; } Boxes.Give(ref b); }")]
    [InlineData("Error M() { Error e = Boxes.Take(out Box b); if (e != Error.None) return e; Boxes.Give(ref b); return e; }")]
    [InlineData("Error M() { Error e = Boxes.Take(out Box b); if (e is not Error.None) return e; Boxes.Give(ref b); return e; }")]
    [InlineData("void M() { if (Boxes.Take(out Box b) == Error.None) Boxes.Give(ref b); }")]
    [InlineData("void M() { if (Boxes.Take(out Box b) is Error.None) Boxes.Give(ref b); }")]
    [InlineData("void M() { switch (Boxes.Take(out Box b)) { case Error.None: Boxes.Give(ref b); break; default: break; } }")]
    [InlineData("int M() { Error e = Boxes.Take(out Box b); switch (e) { case Error.Busy: return 1; case Error.None: Boxes.Give(ref b); return 2; default: return 3; } }")]
    [InlineData("void M() { Boxes.StopIf(!Boxes.TryTake(out Box b)); Boxes.Give(ref b); }")]
    [InlineData("void M() { if (!Boxes.TryTake(out Box b)) Boxes.Stop(); Boxes.Give(ref b); }")]
    [InlineData("void M() { Box b = Boxes.Make(); if (Ready) throw new Exception(); Boxes.Give(ref b); }")]
    [InlineData("void M() { Box b = Boxes.Make(); if (Ready) Boxes.Stop(); Boxes.Give(ref b); }")]
    [InlineData("void M() { Box b = Boxes.Make(); if (b.IsEmpty) return; Boxes.Give(ref b); }")]
    [InlineData("void M() { Box b = Boxes.Make(); if (b is { IsEmpty: true }) return; Boxes.Give(ref b); }")]
    [InlineData("void M() { if (!Boxes.Check(Boxes.TryTake(out Box b), \"free\")) return; Boxes.Give(ref b); }")]
    [InlineData("void M() { bool taken = Boxes.TryTake(out Box b); if (!taken) return; Boxes.Give(ref b); }")]
    [InlineData("void M() { bool taken = Boxes.TryTake(out Box b); if (taken == false) return; Boxes.Give(ref b); }")]
    [InlineData("bool M() { bool taken = Boxes.TryTake(out Box b); if (taken) Boxes.Give(ref b); return taken; }")]
    [InlineData("void M() { Box b = default; bool have = false; if (Ready) { b = Boxes.Make(); have = true; } if (have) Boxes.Give(ref b); }")]
    [InlineData("void M(bool want) { Box b = default; if (want && !Boxes.TryTake(out b)) return; Boxes.Look(in b); if (want) Boxes.Give(ref b); }")]
    [InlineData("bool TryM(out Box b) => Boxes.TryTake(out b);")]
    [InlineData("bool TryM(out Box b) { if (!Boxes.TryTake(out b)) return false; if (b.Value == 3) { Boxes.Give(ref b); return false; } return true; }")]
    [InlineData("bool TryM(out Box b) => Boxes.TryTake(out b) || Boxes.TryTake(out b);")]
    [InlineData("bool TryM(out Box b) { b = default; if (Ready && Boxes.TryTake(out b)) return true; return Boxes.TryTake(out b); }")]
    [InlineData("Error M(out Box b) { Error e = Boxes.Take(out b); return e; }")]
    [InlineData("void M() { if (Boxes.TryTake(out Box b)) _box = Own.Move(ref b); }")]
    [InlineData("void M() { if (Boxes.TryTake(out _box)) Ready.Equals(true); }")]
    [InlineData("void M(Box* p) { for (int i = 0; i < 4; i++) if (!Boxes.TryTake(out p[i])) return; }")]
    [InlineData("void M() { Box b = Boxes.Make(); Boxes.Swallow(Own.Move(ref b)); }")]
    [InlineData("void M() { Box b = Boxes.Make(); Own.KeepForGood(ref b); }")]
    [InlineData("void M() { Box b = Boxes.Make(); try { Boxes.Probe().Ignore(\"x\"u8); if (Ready) return; } finally { Boxes.Give(ref b); } }")]
    [InlineData("void M() { for (int i = 0; i < 9; i++) { if (!Boxes.TryTake(out Box b)) continue; if (Ready) { Boxes.Give(ref b); break; } Boxes.Give(ref b); } }")]
    [InlineData("void M() { while (Boxes.TryTake(out Box b)) Boxes.Give(ref b); }")]
    [InlineData("void M() { Box b = Boxes.Make(); Box* p = &b; Boxes.Give(ref *p); }")]
    [InlineData("void M() { Box b = Boxes.Make(); ref Box r = ref b; Boxes.Give(ref r); }")]
    [InlineData("void M() { Box b = Boxes.Make(); void Done() => Boxes.Give(ref b); Done(); }")]
    [InlineData("void M() { Changing c = new Changing(2); c.Release(); }")]
    [InlineData("void M() { Ring r = default; r.Push(); }")]
    [InlineData("[OwnershipInternals(\"a test\")] void M() { Box b = Boxes.Make(); }")]
    [InlineData("Box M(bool c) => c ? Boxes.Make() : default;")]
    [InlineData("void M(bool c) { Box b = c ? Boxes.Make() : default; Boxes.Give(ref b); }")]
    [InlineData("void M() { Box b; do { if (!Boxes.TryTake(out b)) return; Boxes.Give(ref b); } while (Ready); }")]
    [InlineData("void M(delegate*<out Box, bool> take) { if (take(out Box b)) Boxes.Give(ref b); }")]
    public Task A_handle_that_goes_somewhere_on_every_path_is_not_reported(string members) => Snippet.Check(members);

    // Two sides of a buffer, as a DMA layer has them.
    [Theory]
    [InlineData("""
        private DeviceSide<ToDevice> _posted;
        Error M()
        {
            if (!CpuSide<ToDevice>.TryTake(out CpuSide<ToDevice> buffer))
                return Error.NoResources;
            Span<byte> bytes = buffer.Bytes;
            bytes[0] = 1;
            DeviceSide<ToDevice> posted = CpuSide<ToDevice>.GiveToDevice(ref buffer);
            _posted = Own.Move(ref posted);
            return Error.None;
        }
        """)]
    [InlineData("""
        Error M()
        {
            if (!CpuSide<ToDevice>.TryTake(out CpuSide<ToDevice> buffer)) // SLU002
                return Error.NoResources;
            if (Ready)
                return Error.Busy;
            Span<byte> bytes = buffer.Bytes;
            DeviceSide<ToDevice> posted = CpuSide<ToDevice>.GiveToDevice(ref buffer); // SLU002
            bytes[0] = 1;                                   // SLU005
            return posted.Address == 0 ? Error.Busy : Error.None;
        }
        """)]
    [InlineData("""
        private DeviceSide<ToDevice> _posted;
        Error M()
        {
            Error error = DeviceSide<ToDevice>.TakeBack(ref _posted, out CpuSide<ToDevice> buffer);
            if (error != Error.None)
                return error;
            buffer.Bytes.Clear();
            _posted = CpuSide<ToDevice>.GiveToDevice(ref buffer);
            return Error.None;
        }
        """)]
    [InlineData("void M() { CpuSide<ToDevice>.TryTake(out CpuSide<ToDevice> b).Ignore(\"x\"u8); CpuSide<ToDevice>.GiveToDevice(ref b); } // SLU002")]
    [InlineData("int M(in CpuSide<ToDevice> b) => b.Bytes.Length;")]
    [InlineData("int M() { using CpuSide<ToDevice> b = new CpuSide<ToDevice>(new byte[2]); if (Ready) return 1; return b.Bytes.Length; }")]
    [InlineData("void M() { Error e = Boxes.Take(out Box b); if (!Boxes.Check(e == Error.None, \"taken\")) return; Boxes.Give(ref b); }")]
    [InlineData("void M() { Boxes.StopIf(Boxes.Take(out Box b) != Error.None); Boxes.Give(ref b); }")]
    [InlineData("Error M(out Box kept) { kept = default; Error e = Boxes.Take(out Box b); if (e != Error.None) return e; kept = Own.Move(ref b); return e; }")]
    [InlineData("Error M(out Box kept) { Error e = Boxes.Take(out kept); /* lost */ // SLU002\n if (Ready) return Error.Busy; return e; }")]
    [InlineData("void M() { Box b = default; try { if (!Boxes.TryTake(out b)) return; } finally { if (!b.IsEmpty) Boxes.Give(ref b); } }")]
    [InlineData("void M() { int n = 0; while (n < 3) { if (!Boxes.TryTake(out _boxes[n])) break; n++; } while (n-- > 0) Boxes.Give(ref _boxes[n]); }")]
    public Task Handles_of_every_shape_are_followed(string members) => Snippet.Check(members);

    [Fact]
    public async Task The_message_says_which_path()
    {
        string message = await Snippet.Messages("void M() {\n Box b = Boxes.Make();\n if (Ready)\n return;\n Boxes.Give(ref b); }");
        int line = Snippet.FirstLine + 2;
        Assert.Equal($"'Make', taken here, is neither given back, stored nor handed on at the end of a path (path through line {line})", message);
    }
}
